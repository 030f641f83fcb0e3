"""One line for each call, one for each refusal without a call, and no value in any."""

import json
from dataclasses import replace

import pytest

from leasehold.gateway.app import GatewayApp
from leasehold.gateway.call_log import CallLog
from leasehold.gateway.rates import Rate, RateLimits, Rates
from leasehold.gateway.upstreams import UpstreamFailed
from leasehold.gateway.witnessing import WitnessedRecords

CANARY = "canary-1e8"


@pytest.fixture
def lines(world):
    written = []
    log = CallLog(written.append, lambda: world.world.now)
    world.gateway = replace(world.gateway, records=WitnessedRecords(world.recorder, [log]))
    world.app = GatewayApp(world.gateway, world.app.issuer, refused=log.refused)
    return lambda: [json.loads(line) for line in written]


def test_each_call_is_one_line_whatever_came_of_it(world, lines):
    token = world.token()
    world.call("read_file", token, repository="web")
    world.call("read_file", token, repository="elsewhere")
    world.upstream.answer = lambda _message: {"content": [], "isError": True}
    world.call("comment", token, repository="web")

    def broken(_message):
        raise UpstreamFailed("hangs", status=504)

    world.upstream.answer = broken
    world.call("read_file", token, repository="web")
    found = [(one["event"], one["tool"], one["outcome"], one["reason"]) for one in lines()]
    assert found == [
        ("call", "read_file", "ok", ""), ("call", "read_file", "denied", "resource_not_granted"),
        ("call", "comment", "tool_error", "tool_error"), ("call", "read_file", "failed", "hangs"),
    ]  # fmt: skip
    first = lines()[0]
    assert (first["agent"], first["tool_server"], first["method"]) == ("triage", "code", "tools/call")
    assert first["milliseconds"] >= 0
    assert len(first["decisions"]) == 1


def test_what_never_became_a_call_is_a_line_too(world, lines):
    world.ask("tools/list", token="nonsense")
    world.ask(f"no/{CANARY}", {})
    none = Rate(per_minute=1, burst=0.0)
    limited = replace(world.gateway, rates=Rates(RateLimits(agent=none)))
    world.app = GatewayApp(limited, world.app.issuer, refused=world.app.refused)
    world.call("read_file", repository="web")
    found = [(one["event"], one["status"], one["reason"]) for one in lines()]
    assert found == [
        ("refusal", 401, "invalid_token"), ("refusal", 404, "unknown_method"), ("refusal", 429, "rate_limited"),
    ]  # fmt: skip


def test_no_value_is_in_a_line(world, lines):
    token = world.token()
    world.call("read_file", token, repository="web", path=CANARY)
    world.call(f"tool-{CANARY}", token, repository="web")
    world.ask("resources/read", {"uri": f"docs://{CANARY}"}, token)
    world.ask("prompts/get", {"name": CANARY}, token)
    told = json.dumps(lines())
    assert len(lines()) == 4
    assert CANARY not in told
    assert token not in told
