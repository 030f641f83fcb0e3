"""The protocol's own suite at a reference server, directly and through the gateway: each check comes out the same."""

import sys

import pytest
from mcp import MCPDeprecationWarning
from tests.fakes.conformance_suite import Suite, failed, with_token
from tests.fakes.mcp_upstream import served_sdk, told_upstream
from tests.fakes.reference_server import Events, server

# The revision of 2025 has what that of 2026 advises against, and the SDK says so to our server's face.
pytestmark = pytest.mark.filterwarnings(f"ignore::{MCPDeprecationWarning.__module__}.{MCPDeprecationWarning.__name__}")

REVISIONS = ("2026-07-28", "2025-11-25")
RESERVED = {
    "mcp.resources.read": ("uri:*", "read"),
    "mcp.prompts.get": ("prompt:*", "read"),
    "mcp.sampling.create": ("tool_server:reference", "write"),
    "mcp.elicitation.create": ("tool_server:reference", "write"),
    "mcp.roots.list": ("tool_server:reference", "read"),
}
# The only checks that may differ: the gateway hands on header values without the space around them.
BETTER = {("http-header-validation", "sep-2243-server-accepts-whitespace-header-value")}


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    return Suite(tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="module")
def doors(running):
    """The reference server, the gateway before it with the token of an agent that may do everything, and without."""
    # Calls are declared as reading: those of the suite's that change something have 1.5 s to show on another stream.
    tools = {tool: {"action": "read"} for tool in server._tool_manager._tools}
    declared = tools | {name: {"action": action} for name, (_, action) in RESERVED.items()}

    def token():
        return running.token("suite", "reference")

    grants = [("reference", list(tools), ["tool_server:reference"])]
    grants += [("reference", [name], [resource]) for name, (resource, _) in RESERVED.items()]
    with served_sdk(server, event_store=Events(), retry_interval=100) as direct, told_upstream() as door:
        running.declare("reference", direct, tools=declared)
        running.agent("suite", *grants)
        running.until(lambda: running.send("reference", b"{", token()), lambda reply: reply.status == 400)
        gateway = f"http://127.0.0.1:{running.port}/mcp/reference"
        door.answer = with_token(gateway, token)
        yield direct, door.url, gateway


@pytest.fixture(scope="module", params=REVISIONS)
def outcomes(request, suite, doors):
    """What came of everything that a revision runs: directly, and through the gateway."""
    revision = request.param
    direct, through = suite.run(doors[:2], "--requirements", revision)
    for name in differing(direct, through):  # the reference server itself is late at times: once more, alone
        again = suite.run(doors[:2], "--scenario", name, "--spec-version", revision)
        direct[name], through[name] = (one.get(name, []) for one in again)
    return revision, direct, through


def differing(direct, through):
    return sorted(name for name in direct.keys() | through.keys() if differences(name, direct, through))


def differences(name, direct, through):
    sides = (direct.get(name, []), through.get(name, []))
    kept = [(verdicts(name, side), {check for check, status in side if status == "INFO"}) for side in sides]
    return kept if kept[0] != kept[1] else None


def verdicts(name, side):
    """Every check with what came of it. What the suite only tells of the wire is told as often as it happened to be."""
    return sorted(one for one in side if one[1] != "INFO" and (name, one[0]) not in BETTER)


def test_nothing_that_a_revision_runs_is_left_out_and_the_reference_server_does_all_that_is_required(suite, outcomes):
    revision, direct, through = outcomes
    required, others = suite.scenarios(revision)
    assert len(required) == {"2026-07-28": 37, "2025-11-25": 30}[revision]
    assert direct.keys() == through.keys() == required | others
    assert [name for name in required if failed(direct[name])] == []
    assert [name for name in required for _, status in direct[name] if status in {"SKIPPED", "WARNING"}] == []


def test_every_check_of_every_scenario_comes_out_through_the_gateway_as_it_does_directly(outcomes):
    revision, direct, through = outcomes
    for name in sorted(direct):
        said = "failed" if failed(through[name]) else "passed"
        sys.stdout.write(f"{revision} {name}: {said}, {len(through[name])} checks\n")  # for make test-conformance
    assert {name: differences(name, direct, through) for name in differing(direct, through)} == {}


def test_what_comes_out_better_is_not_worse(outcomes):
    _, _, through = outcomes
    found = {(name, check): status for name in through for check, status in through[name] if (name, check) in BETTER}
    assert set(found.values()) <= {"SUCCESS"}


def test_the_suite_gets_nowhere_without_a_token(suite, doors):
    _, _, gateway = doors
    (outcome,) = suite.run([gateway], "--scenario", "tools-list", "--spec-version", REVISIONS[0])
    assert failed(outcome["tools-list"])
