"""Calls through the gateway with a connection of the broker: refused without, sent with it, and on record which."""

import json

import pytest
from tests.fakes.mcp_upstream import told_upstream

KEY = "search-key-canary"
ARGUMENTS = {"repository": "web"}


@pytest.fixture(scope="module")
def search(running):
    """A tool server that wants a key, and two agents for it."""
    with told_upstream() as upstream:
        wants = {"api_key": {"header": "X-Api-Key", "prefix": ""}}
        running.declare("search", upstream.url, upstream_auth=wants)
        for name in ("finder", "seeker"):
            running.agent(name, ("search", ["read_file"], ["repo:web"]))
        yield upstream


def call(running, agent):
    return running.call("search", running.token(agent, "search"), "read_file", ARGUMENTS)


def passes(reply):
    return reply.status == 200 and "result" in reply.message


def test_a_call_goes_out_with_what_was_promoted_for_its_agent_and_with_nothing_else(running, search):
    registry = running.registry
    refused = running.until(lambda: call(running, "finder"), lambda r: r.status not in {200, 503})
    assert refused.status == 403, refused.body
    assert search.requests == []

    made = registry.call("POST", "/v1/connections/search", {"api_key": {"key": KEY}})
    promotion = {"agent": "finder", "justification": "it searches"}
    registry.call("POST", f"/v1/connections/{made['id']}:promote", promotion)
    running.until(lambda: call(running, "finder"), passes)
    assert call(running, "seeker").status == 403, "promoted for another agent"

    _, headers, _ = search.requests[-1]
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["x-api-key"] == KEY
    assert "authorization" not in sent

    events = running.calls("search")
    assert made["id"] in json.dumps(events)
    assert KEY not in json.dumps(registry.events())

    registry.call("DELETE", f"/v1/connections/{made['id']}")
    running.until(lambda: call(running, "finder"), lambda r: r.status == 403, seconds=1)
