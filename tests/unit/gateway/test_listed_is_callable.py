"""Through the door: what is listed can be called, and nothing else, under random grants, policies, pins and tokens."""

import random

import pytest
from tests.fakes.exchange_world import ISSUER
from tests.fakes.gateway_world import TOOLS, GatewayWorld

from leasehold.gateway.rates import Rate, RateLimits
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Pinning

PLENTY = Rate(per_minute=1e9, burst=1e9)
REPOSITORIES = ("web", "docs", "payroll")
CONDITIONS = (
    "true", "false", "context.depth > 0", "context.depth < 1", "principal has owner", "principal has nothing",
    "context has on_behalf_of", 'context.tool.server == "{server}"', '!(context.tool.server == "{server}")',
    "principal has owner && context.depth < 1", "if principal has owner then false else true",
)  # fmt: skip
OF_THE_CALL = ('resource == repo::"web"', 'context.input.repository == "docs"', "context has source_ip")
ROUNDS = 20


@pytest.fixture
def plenty(tmp_path):
    world = GatewayWorld(tmp_path, RateLimits(agent=PLENTY, user=PLENTY, tool=PLENTY))
    world.upstream.answer = answered
    yield world
    world.close()


def answered(message):
    if message["method"] == "tools/list":
        return {"tools": [{"name": name} for name in (*TOOLS, "nobody_declared_this")]}
    return {"content": [{"type": "text", "text": "done"}]}


def policy_of(rnd, server, conditions):
    action = f'action == Action::"{server}/{rnd.choice(list(TOOLS))}"'
    effect, word = rnd.choice(("permit", "forbid")), rnd.choice(("when", "unless"))
    asked = rnd.choice(conditions).format(server=server)
    owed = rnd.choice(("", "", "", '@obligation("step-up") '))
    return f"{owed}{effect}(principal, {action}, resource) {word} {{ {asked} }};"


def furnish(world, rnd, server, conditions):
    """A server of its own, with some grants, some policies, and pins or none."""
    world.pinning = rnd.choice((Pinning.OBSERVE, Pinning.OBSERVE, Pinning.OBSERVE, Pinning.REQUIRED))
    world.serve(server, TOOLS)
    granted = rnd.sample(list(TOOLS), rnd.randint(1, 3))
    for tool in granted:
        world.grant(server, [tool], rnd.choice(("repo:web", "repo:docs", "repo:*", "tool_server:other")))
    for number in range(rnd.randint(0, 3)):
        spec = Policy(document=policy_of(rnd, server, conditions), side=PolicySide.AGENT)
        world.world.put(Kind.POLICIES, f"{server}-{number}", spec)
    world.look()
    narrow = " ".join(
        f"mcp:tool:{tool}:{TOOLS[tool].action}" for tool in rnd.sample(granted, rnd.randint(1, len(granted)))
    )
    audience, asked = f"{ISSUER}/mcp/{server}", rnd.choice(({}, {"scope": narrow}))
    answer = world.world.exchange_form(world.world.pod_token(), audience, **asked).json
    return answer.get("access_token")  # None where policies deny every call of what was asked for


def callable_and_listed(world, server, token):
    if token is None:
        return set(), set()
    listed = {tool["name"] for tool in world.ask("tools/list", {}, token, server).json["result"]["tools"]}
    names = (*TOOLS, "nobody_declared_this", "mcp.resources.read")
    called = {
        name
        for name in names
        for repository in REPOSITORIES
        if "result" in world.call(name, token, server, repository=repository).json
    }
    return called, listed


@pytest.mark.parametrize("seed", range(3))
def test_listed_is_callable_where_policies_ask_nothing_of_the_call(plenty, seed):
    rnd, met = random.Random(seed), []  # noqa: S311
    for number in range(ROUNDS):
        token = furnish(plenty, rnd, f"s{number}", CONDITIONS)
        called, listed = callable_and_listed(plenty, f"s{number}", token)
        assert called == listed, (seed, number)
        met.append(len(listed))
    assert {0, 1, 2} <= set(met), "some were shown all, some a part, some nothing"


def test_what_can_be_called_is_listed_whatever_policies_ask(plenty):
    rnd = random.Random("calls")  # noqa: S311
    for number in range(ROUNDS):
        token = furnish(plenty, rnd, f"s{number}", (*CONDITIONS, *OF_THE_CALL))
        called, listed = callable_and_listed(plenty, f"s{number}", token)
        assert called <= listed, number
