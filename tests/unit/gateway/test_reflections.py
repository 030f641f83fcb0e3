"""A tool server that echoes our credential shows it to nobody."""

import base64
import json

import pytest

from leasehold.gateway.reflections import secrets_of, without
from leasehold.model.connections import Authorized, ConnectionKind

KEY = 'key-"canary"/5c2'
PAIR = base64.b64encode(b"ann:password-canary").decode()


def answered(world, headers, said):
    world.broker.answer = Authorized(headers=headers, connection="c1", kind=ConnectionKind.PERSONAL)
    world.upstream.answer = lambda _message: {"content": [{"type": "text", "text": said}]}
    reply = world.call("read_file", repository="web")
    assert reply.status == 200
    return reply.json["result"]["content"][0]["text"]


@pytest.mark.parametrize(
    ("header", "said", "shown"),
    [
        (("Authorization", "Bearer token-canary"), "you sent Bearer token-canary", "you sent @"),
        (("Authorization", "Bearer token-canary"), "invalid: token-canary", "invalid: @"),
        (("Authorization", "Bearer token-canary"), "token-canary token-canary", "@ @"),
        (("Authorization", f"Basic {PAIR}"), f"{PAIR} for password-canary", "@ for @"),
        (("X-Api-Key", KEY), f"no such key {KEY}", "no such key @"),
        (("X-Amz-Date", "20261126T000000Z"), "at 20261126T000000Z", "at 20261126T000000Z"),
        (("X-Api-Key", "short"), "in short", "in short"),
        (("X-Api-Key", "kurz-schlüssel"), "kurz-schlüssel", "@"),
    ],
)
def test_a_credential_that_comes_back_is_taken_out(world, header, said, shown):
    assert answered(world, (header,), said) == shown.replace("@", "[redacted:credential]")


def test_a_slash_that_is_escaped_hides_nothing():
    (longest, *_) = secrets = secrets_of([("X-Api-Key", "a/b/c/d/e")])
    assert longest == b"a\\/b\\/c\\/d\\/e"
    assert without(b'{"key":"a\\/b\\/c\\/d\\/e"}', secrets) == (b'{"key":"[redacted:credential]"}', 1)


@pytest.mark.parametrize("method", ["server/discover", "tools/list"])
def test_a_credential_in_what_a_tool_server_shows_is_in_nothing_that_is_kept_of_it(world, method):
    headers = (("Authorization", "Bearer token-canary"),)
    world.broker.answer = Authorized(headers=headers, connection="c1", kind=ConnectionKind.PERSONAL)
    tool = {"name": "read_file", "description": "made for token-canary", "inputSchema": {"type": "object"}}
    said = {"tools": [tool], "instructions": "say token-canary", "capabilities": {}}
    world.upstream.answer = lambda _message: said
    assert b"canary" not in world.ask(method).body
    with world.store.read() as unit:
        seen = unit.observations.latest(("code",))["code"]
    assert "[redacted:credential]" in repr(seen)
    assert "canary" not in repr(seen)


def test_that_it_came_back_is_on_record_and_it_is_not(world):
    answered(world, (("X-Api-Key", KEY),), f"{KEY} {KEY}")
    world.recorder.close()
    with world.store.read() as unit:
        events = [one.event for one in unit.audit.list() if one.event.kind == "calls"]
    assert events[-1].detail["found"] == {"secret:own_credential:redact": 2}
    assert "canary" not in json.dumps([dict(one.detail) for one in events], default=str)
