"""Keys replaced while everything goes on, rows copied in the database, and what the database file holds."""

import json
import random
from dataclasses import replace

import httpx
import pytest
from tests.broker_fuzz.lives import Life
from tests.fakes.broker_world import ALICE, BOB

from leasehold.keys.envelopes import Envelopes
from leasehold.keys.wrapping_keys import FileWrapping
from leasehold.model.connections import ConnectionKind, NotConnected, NotConnectedReason, Personal, Shared
from leasehold.store.sql_store import open_store


def envelopes(world):
    with world.store.read() as unit:
        found = [unit.connections.find(one.holder, one.tool_server) for one in unit.connections.list(limit=99)]
        clients = [one.envelope for one in unit.upstream_clients.list() if one.envelope is not None]
    return [one.envelope for one in found] + clients


def confidential(world):
    """An authorization server that gives every client a secret."""
    register = world.upstream._register

    def with_secret(request):
        document = json.loads(b"".join(register(request).stream))
        secret = f"secret-of-{document['client_id']}"
        world.upstream.clients[document["client_id"]] = secret
        answer = {**document, "client_secret": secret, "token_endpoint_auth_method": "client_secret_basic"}
        return httpx.Response(201, stream=httpx.ByteStream(json.dumps(answer).encode()))

    world.upstream._register = with_secret


def test_all_that_is_kept_moves_to_a_new_key_and_nobody_notices(world):
    confidential(world)
    world.promote(world.share())
    world.connect()
    before = [one.sealed for one in envelopes(world)]
    token = world.bearer()
    answer = world.administer("POST", "/v1/connections:rotate-keys")
    assert (answer.status, answer.json) == (200, {"key": "file:0002", "moved": 3, "left": 0})
    assert {one.key_id for one in envelopes(world)} == {"file:0002"}
    assert [one.sealed for one in envelopes(world)] == before, "the secrets themselves were not opened"
    assert world.bearer() == token
    world.later(hours=2)
    assert world.authorize().kind is ConnectionKind.PERSONAL, "a refresh as the same client, with its secret"
    assert world.upstream.families_ended == []
    event = next(event for event in world.events() if event.action == "rotate-keys")
    assert event.detail == {"key": "file:0002", "moved": 3}


def test_without_its_old_key_what_was_left_behind_asks_to_connect_anew(world, tmp_path):
    world.connect()
    world.broker._vault = Envelopes(FileWrapping(tmp_path / "other-keys"))
    world.broker.forget()
    answer = world.authorize()
    assert isinstance(answer, NotConnected)
    assert answer.reason is NotConnectedReason.RECONNECT


@pytest.mark.parametrize("thief", [Personal(BOB), Shared()])
def test_a_row_that_somebody_copies_in_the_database_opens_for_nobody(world, thief):
    world.connect("00u1alice")
    world.promote(world.share())
    with world.store.begin() as unit:
        mine = unit.connections.find(Personal(ALICE), "github")
        theirs = unit.connections.find(Shared(), "github")
        stolen = replace(mine.connection, id=theirs.connection.id if thief == Shared() else "copied", holder=thief)
        if thief == Shared():
            unit.connections.remove(theirs.connection)
        unit.connections.put(replace(mine, connection=stolen))
    answer = world.authorize(BOB if thief == Personal(BOB) else None)
    assert isinstance(answer, NotConnected)
    assert answer.reason is NotConnectedReason.RECONNECT
    assert world.authorize(ALICE).kind is ConnectionKind.PERSONAL


def test_no_secret_is_in_the_database_file(tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'x.db'}")
    life = Life(random.Random(5), tmp_path / "keys", store)  # noqa: S311  not for secrets
    for _ in range(60):
        life.step()
    secrets = [secret for _, secret in life.held.values()]
    keys = [path.read_bytes() for path in (tmp_path / "keys").iterdir()]
    life.close()
    store.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("x.db*"))
    assert len(secrets) > 3
    assert b"user:people/u1" in raw, "what is no secret is there to be found"
    assert not [one for one in secrets if one.encode() in raw]
    assert not [one for one in keys if one in raw]
