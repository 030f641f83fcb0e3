"""Connections that are over: unusable at once, revoked upstream until that is certain, and on record."""

import asyncio

import pytest
from tests.fakes.broker_world import ALICE, BOB, OAUTH

from leasehold.broker.ending import GIVEN_UP
from leasehold.model.connections import ConnectionKind, NotConnected
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, user_node


def recorded(world, action):
    return [event for event in world.events() if event.action == action]


def test_a_person_who_is_revoked_loses_their_connection_and_their_tokens_end_upstream(world):
    world.connect("00u1alice")
    world.connect("00u2bob")
    of_alice = {t for t in (*world.upstream.refreshes, *world.upstream.issued) if "alice" in t}
    world.world.bump(user_node(ALICE))
    assert isinstance(world.authorize(ALICE), NotConnected)
    world.look()
    assert set(world.upstream.revoked) == of_alice
    assert world.authorize(BOB).kind is ConnectionKind.PERSONAL
    assert [event.reason for event in recorded(world, "end")] == ["revoked"]
    assert [event.outcome.value for event in recorded(world, "revoke-upstream")] == ["ok"]
    assert [one["user"] for one in world.administer("GET", "/v1/connections").json["items"]] == [BOB]


def test_a_registry_that_was_revoked_has_no_connection_left(world):
    world.promote(world.share())
    world.connect()
    world.world.bump(REGISTRY)
    world.look()
    assert isinstance(world.authorize(None), NotConnected)
    assert len(recorded(world, "end")) == 2


def test_a_connection_that_is_removed_is_revoked_upstream(world):
    world.connect()
    tokens = {*world.upstream.refreshes, *world.upstream.issued}
    one = world.administer("GET", "/v1/connections").json["items"][0]["id"]
    world.administer("DELETE", f"/v1/connections/{one}")
    assert world.upstream.revoked == []
    world.look()
    assert set(world.upstream.revoked) == tokens
    world.look()
    assert len(world.upstream.revoked) == len(tokens)
    assert recorded(world, "remove")[0].name == one


def test_a_server_that_does_not_answer_is_asked_again_with_growing_pauses(world):
    world.connect()
    world.upstream.silent.add("/revoke")
    world.world.bump(user_node(ALICE))
    world.look()
    asked = len([r for r in world.upstream.log if r.url.path == "/revoke"])
    assert asked == 1
    world.look()
    assert len([r for r in world.upstream.log if r.url.path == "/revoke"]) == asked, "not before its pause is over"
    world.later(seconds=2)
    world.look()
    assert len([r for r in world.upstream.log if r.url.path == "/revoke"]) == 2
    world.upstream.silent.clear()
    world.later(seconds=8)
    world.look()
    assert len(world.upstream.revoked) == 2
    assert [(e.outcome.value, e.reason) for e in recorded(world, "revoke-upstream")] == [
        ("ok", "revoked"),
        ("error", "postponed"),
    ]


def test_what_cannot_be_revoked_is_given_up_after_a_week_and_on_record(world):
    world.connect()
    world.upstream.silent.add("/revoke")
    world.world.bump(user_node(ALICE))
    world.look()
    world.later(seconds=GIVEN_UP.total_seconds())
    world.look()
    world.upstream.silent.clear()
    world.later(days=1)
    world.look()
    assert world.upstream.revoked == []
    assert [e.reason for e in recorded(world, "revoke-upstream")] == ["given_up", "postponed"]


def test_a_server_without_a_revocation_endpoint_is_on_record_as_such(world):
    world.upstream.metadata["revocation_endpoint"] = None
    world.connect()
    world.world.bump(user_node(ALICE))
    world.look()
    assert [(e.outcome.value, e.reason) for e in recorded(world, "revoke-upstream")] == [("error", "no_revocation")]


def test_an_access_token_that_nobody_looks_up_is_let_run_out_once_its_refresh_token_is_revoked(world):
    """RFC 7009 §2.2.1, as oidc-provider answers for JWTs."""
    world.upstream.tokens_are_jwts = True
    world.connect()
    world.world.bump(user_node(ALICE))
    world.look()
    assert [one[:3] for one in world.upstream.revoked] == ["rt-"]
    assert [e.outcome.value for e in recorded(world, "revoke-upstream")] == ["ok"]


def test_a_tool_server_that_moved_ends_what_was_made_for_where_it_was(world):
    world.connect()
    world.promote(world.share())
    world.declare("github", OAUTH, url="https://moved.example/mcp")
    world.look()
    assert {e.reason for e in recorded(world, "end")} == {"server gone"}
    world.declare("github", OAUTH, url="https://github-mcp.example/mcp")
    assert isinstance(world.authorize(), NotConnected)
    assert isinstance(world.authorize(None), NotConnected)


def test_a_tool_server_that_is_deleted_ends_its_connections(world):
    world.connect()
    world.world.delete(Kind.TOOL_SERVERS, "github")
    world.look()
    assert [e.reason for e in recorded(world, "end")] == ["server gone"]


def test_two_workers_revoke_once(world):
    world.connect()
    world.world.bump(user_node(ALICE))
    world.endings.end_fallen()

    async def both():
        await asyncio.gather(world.endings.look(), world.endings.look())

    asyncio.run(both())
    assert len(world.upstream.revoked) == 2
    assert len(recorded(world, "revoke-upstream")) == 1


@pytest.mark.parametrize("away", [True, False])
def test_nothing_ends_without_its_record(world, away):
    world.connect()
    world.world.bump(user_node(ALICE))
    world.store.away, world.store.full = away, not away
    with pytest.raises(Exception, match=r"database|disk"):
        world.endings.end_fallen()
    world.store.away = world.store.full = False
    assert len(world.administer("GET", "/v1/connections").json["items"]) == 1
    world.look()
    assert world.administer("GET", "/v1/connections").json["items"] == []
