"""Every method that MCP has, in each era: without a grant of its own it is denied, with one it goes out."""

import json

import pytest

from leasehold.mcp.needs import METHODS
from leasehold.model.tools import Action, Tool

READ, PROMPT, TASK = "mcp.resources.read", "mcp.prompts.get", "mcp.tasks.use"
ON = {READ: "uri:docs://a", PROMPT: "prompt:review", TASK: "task:*"}
URI, NAME, TASK_ID = {"uri": "docs://a"}, {"name": "review"}, {"taskId": "t-1"}
LISTEN = {"notifications": {"resourceSubscriptions": ["docs://a"]}}
BOTH, HANDSHAKE, MODERN = ("2025-11-25", "2026-07-28"), ("2025-11-25",), ("2026-07-28",)
DECIDED = [
    ("resources/read", URI, READ, BOTH),
    ("prompts/get", NAME, PROMPT, BOTH),
    ("completion/complete", {"ref": {"type": "ref/prompt", **NAME}, "argument": {}}, PROMPT, BOTH),
    ("completion/complete", {"ref": {"type": "ref/resource", **URI}, "argument": {}}, READ, BOTH),
    ("tasks/get", TASK_ID, TASK, BOTH),
    ("tasks/cancel", TASK_ID, TASK, BOTH),
    ("resources/subscribe", URI, READ, HANDSHAKE),
    ("resources/unsubscribe", URI, READ, HANDSHAKE),
    ("tasks/result", TASK_ID, TASK, HANDSHAKE),
    ("tasks/list", {}, TASK, HANDSHAKE),
    ("subscriptions/listen", LISTEN, READ, MODERN),
    ("tasks/update", TASK_ID, TASK, MODERN),
]
BY_TOOL = {"tools/call"}  # test_passing.py, test_listed_is_callable.py
CUT_DOWN = {"tools/list", "resources/list", "resources/templates/list", "prompts/list"}
OF_A_SESSION = {"initialize", "ping", "logging/setLevel", "server/discover"}
CASES = [(version, method, params, tool) for method, params, tool, versions in DECIDED for version in versions]


def test_every_method_is_here():
    assert {method for method, *_ in DECIDED} | BY_TOOL | CUT_DOWN | OF_A_SESSION == METHODS


@pytest.fixture
def library(world):
    tools = {name: Tool(action=Action.READ) for name in ON} | {"read_file": Tool(action=Action.READ)}
    world.serve("library", tools)
    world.grant("library", ["read_file"], "tool_server:library")
    world.look()
    return world


def ask(world, version, method, params):
    if version == "2026-07-28":
        return world.ask(method, params, server="library")
    headers = {
        "host": "leasehold.example",
        "content-type": "application/json",
        "mcp-protocol-version": version,
        "authorization": f"Bearer {world.token('library')}",
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    return world.run("/mcp/library", body, headers)


@pytest.mark.parametrize(("version", "method", "params", "tool"), CASES)
def test_a_method_needs_a_grant_of_its_own(library, version, method, params, tool):
    refused = ask(library, version, method, params)
    assert "error" in refused.json
    assert library.upstream.sent == []
    for name in {*ON} - {tool}:  # and no other will do
        library.grant("library", [name], ON[name])
    library.look()
    assert "error" in ask(library, version, method, params).json
    assert library.upstream.sent == []
    library.grant("library", [tool], ON[tool])
    library.look()
    assert "result" in ask(library, version, method, params).json
    assert len(library.upstream.sent) == 1


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("method", sorted({method for method, *_ in DECIDED}))
def test_a_method_of_the_other_era_is_none(library, version, method):
    versions = {one for name, _, _, several in DECIDED if name == method for one in several}
    if version in versions:
        return
    library.grant("library", sorted(ON), "uri:*")
    library.look()
    params = next(params for name, params, *_ in DECIDED if name == method)
    assert ask(library, version, method, params).json["error"]["code"] == -32601
    assert library.upstream.sent == []
