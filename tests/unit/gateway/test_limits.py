"""How often agents, people and tools may be called, at the door."""

from tests.fakes.gateway_world import GatewayWorld
from tests.fakes.people import code_for, redeem, with_people

from leasehold.gateway.rates import Rate, RateLimits
from leasehold.model.directory import User
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Action, Tool, ToolAnnotations


def test_rates_hold_and_destructive_tools_have_a_tenth(tmp_path):
    limits = RateLimits(agent=Rate(per_minute=600, burst=100), tool=Rate(per_minute=60, burst=20))
    world = GatewayWorld(tmp_path, limits)
    try:
        world.grant("code", ["delete_branch"], "repo:web")
        world.look()
        token = world.token()

        def passed(tool):
            return sum(world.call(tool, token, repository="web").status == 200 for _ in range(25))

        assert passed("read_file") == 20
        assert passed("delete_branch") == 2
        refused = world.call("read_file", token, repository="web")
        assert (refused.status, refused.json["error"]["code"]) == (429, -31003)
        assert int(refused.headers["retry-after"]) >= 1
        world.world.later(seconds=2)
        world.look()
        assert passed("read_file") == 2
    finally:
        world.close()


def test_a_tool_that_its_server_calls_destructive_has_a_tenth(tmp_path):
    world = GatewayWorld(tmp_path, RateLimits(tool=Rate(per_minute=60, burst=20)))
    try:
        hints = ToolAnnotations(destructive_hint=True)
        world.serve("disk", {"wipe": Tool(action=Action.WRITE, resource="repo:{repository}", annotations=hints)})
        world.grant("disk", ["wipe"], "repo:web")
        world.look()
        token = world.token("disk")
        passed = [world.call("wipe", token, "disk", repository="web").status for _ in range(4)]
        assert passed == [200, 200, 429, 429]

        hints = {"annotations": {"destructiveHint": True}, "inputSchema": {"type": "object"}}
        world.upstream.answer = lambda _message: {"tools": [{"name": "comment", **hints}]}
        world.grant("code", ["comment"], "repo:api")
        world.look()
        token = world.token()
        assert world.ask("tools/list", {}, token).status == 200
        passed = [world.call("comment", token, repository="web").status for _ in range(4)]
        assert passed == [200, 200, 429, 429], "though it is declared to write, and no more is said"
    finally:
        world.close()


def test_a_persons_rate_is_theirs_whichever_token_acts_for_them(tmp_path):
    world = GatewayWorld(tmp_path, RateLimits(user=Rate(per_minute=60, burst=3)))
    try:
        people = with_people(world.world)
        document = 'permit (principal == user::"alice-at-work", action in Action::"code/*", resource);'
        people.put(Kind.USERS, "alice-at-work", User(ids=frozenset({"people/00u1alice"})))
        people.put(Kind.POLICIES, "alice", Policy(document=document, side=PolicySide.USER))
        world.look()
        tokens = [
            redeem(people, code_for(people, resource="https://leasehold.example/mcp/code")).json["access_token"]
            for _ in range(2)
        ]
        passed = [world.call("read_file", tokens[at % 2], repository="web").status for at in range(5)]
        assert passed == [200, 200, 200, 429, 429]
        assert world.call("read_file", repository="web").status == 200, "the agent for itself is nobody's"
    finally:
        world.close()
