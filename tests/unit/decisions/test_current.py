"""What decisions are made on follows the registry, change by change, and is never older than its bound."""

import random
import threading
import time
from datetime import timedelta

import pytest
from tests.fakes.decision_point import call
from tests.fakes.registry import AGENT, GRANT, OWNER, OWNS, RELATION, SERVER, THING, USER, name_of_grant, path

from leasehold.decisions.current import Current
from leasehold.model.errors import Unavailable
from leasehold.policy.cedar.engines import engine_named

FORBID = 'forbid(principal, action == Action::"github/read_file", resource);'


def allowed(world, **question):
    return world.decide(**{**call("read_file"), **question})["decision"]


def test_before_the_first_look_nothing_is_allowed(world):
    world.looks = False
    answer = world.decide(**call("read_file"))
    assert (answer["decision"], answer["context"]["reason"]) == (False, "not_current")


def test_what_is_older_than_the_bound_decides_nothing(world):
    assert allowed(world)
    world.looks = False
    world.later(5)
    assert allowed(world)
    world.later(0.001)
    assert world.decide(**call("read_file"))["context"]["reason"] == "not_current"
    assert world.ask("search/action", {k: v for k, v in call("x").items() if k != "action"}).status_code == 503
    world.looks = True
    assert allowed(world)


def test_every_kind_of_write_is_enforced_with_the_next_look(world):
    assert allowed(world)
    world.registry.must("policies", "stop", {"document": FORBID, "side": "agent"})
    assert not allowed(world)
    world.registry.delete("policies", "stop", 1)
    assert allowed(world)
    world.registry.delete("grants", name_of_grant(GRANT), 1)
    assert not allowed(world)
    world.registry.grant(GRANT)
    assert allowed(world)


@pytest.mark.parametrize(
    ("kind", "name", "changed"),
    [
        ("agents", "triage", {**AGENT, "state": "suspended"}),
        ("owners", "alice", {**OWNER, "state": "disabled"}),
        ("tool-servers", "github", {**SERVER, "tools": {"create_issue": {"action": "write"}}}),
    ],
)
def test_whatever_takes_access_away_takes_it_away(world, kind, name, changed):
    assert allowed(world)
    revision = world.registry.get(kind, name).json()["revision"]
    assert world.registry.change(kind, name, changed, revision).is_success
    assert not allowed(world)
    world.registry.must(
        "policies",
        "all",
        {
            "document": 'permit(principal, action == Action::"github/create_issue", resource);',
            "side": "agent",
            "permits": "beyond_grants",
        },
    )
    assert world.decide(**call("create_issue"))["decision"] is (kind == "tool-servers")


def test_a_ceiling_that_comes_down_withholds_what_sticks_out(world):
    assert allowed(world)
    scope = {"tool_server": "github", "tools": ["create_issue"], "resources": ["repo:web"]}
    world.registry.must("scopes", "little", scope)
    world.registry.must("ceilings", "low", {"principal": "agent:triage", "scopes": ["little"]})
    assert not allowed(world)


def test_an_owner_who_moves_beneath_a_ceiling_takes_their_agents_along_and_back(world):
    scope = {"tool_server": "github", "tools": ["create_issue"], "resources": ["repo:web"]}
    world.registry.must("scopes", "little", scope)
    world.registry.must("ceilings", "low", {"principal": "team:web", "scopes": ["little"]})
    assert allowed(world)
    for revision, team in ((1, "web"), (2, OWNER["team"])):
        assert world.registry.change("owners", "alice", {**OWNER, "team": team}, revision).is_success
        assert allowed(world) is (team != "web")


def test_a_scope_that_shrinks_takes_what_was_granted_by_it_and_what_a_ceiling_let_through(world):
    scope = {"tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]}
    world.registry.must("scopes", "reading", scope)
    world.registry.must("ceilings", "low", {"principal": "agent:triage", "scopes": ["reading"]})
    assert allowed(world)
    assert world.registry.change("scopes", "reading", {**scope, "resources": ["repo:api"]}, 1).is_success
    assert not allowed(world)


SCOPED = {"agent": "scout", "scope": "merging"}
OUTRIGHT = {"agent": "scout", "tool_server": "github", "tools": ["*"], "resources": ["repo:web"]}
WITH_MERGE = {**SERVER, "tools": {**SERVER["tools"], "merge": {"action": "write"}}}


def server_is(world, server):
    revision = world.registry.get("tool-servers", "github").json()["revision"]
    assert world.registry.change("tool-servers", "github", server, revision).is_success


@pytest.mark.parametrize("grant", [SCOPED, OUTRIGHT], ids=["by a scope", "outright"])
def test_a_tool_that_a_server_gains_is_granted_by_what_named_it_before(world, grant):
    """The grant is not written again: only the tool server is."""
    scope = {"tool_server": "github", "tools": ["*"], "resources": ["repo:web"]}
    wild = {"allow_wildcard": True, "justification": "all of it"}
    server_is(world, WITH_MERGE)
    world.registry.must("agents", "scout", AGENT)
    world.registry.must("scopes", "merging", {**scope, **wild})
    world.registry.grant({**grant, **wild} if grant is OUTRIGHT else grant)
    assert world.decide(**call("merge", agent="scout"))["decision"]
    for server, known in ((SERVER, False), (WITH_MERGE, True)):
        server_is(world, server)
        anew = Current(world.store, engine_named("compiled"), lambda: world.registry.now).look()
        assert _held(world.current.look()) == _held(anew)
        assert world.decide(**call("merge", agent="scout"))["decision"] is known


@pytest.mark.parametrize("goes", ["it is deleted", "it moves to another agent", "it lets more through"])
def test_a_ceiling_that_goes_gives_back_what_it_withheld(world, goes):
    for name, tool in (("little", "create_issue"), ("enough", "read_file")):
        world.registry.must("scopes", name, {"tool_server": "github", "tools": [tool], "resources": ["repo:web"]})
    low = {"principal": "agent:triage", "scopes": ["little"]}
    world.registry.must("agents", "scout", AGENT)
    world.registry.must("ceilings", "low", low)
    assert not allowed(world)
    if goes == "it is deleted":
        assert world.registry.delete("ceilings", "low", 1).is_success
    else:
        moved = {**low, "principal": "agent:scout"} if "moves" in goes else {**low, "scopes": ["little", "enough"]}
        assert world.registry.change("ceilings", "low", moved, 1).is_success
    assert allowed(world)


def test_an_agent_that_moves_beneath_a_ceiling_is_bounded_by_it(world):
    scope = {"tool_server": "github", "tools": ["create_issue"], "resources": ["repo:web"]}
    world.registry.must("scopes", "little", scope)
    world.registry.must("ceilings", "low", {"principal": "environment:production", "scopes": ["little"]})
    assert allowed(world)
    for revision, environment in ((1, "production"), (2, "")):
        assert world.registry.change("agents", "triage", {**AGENT, "environment": environment}, revision).is_success
        assert allowed(world) is (environment == "")


def test_the_version_names_the_change_of_the_registry(world):
    first = world.decide(**call("read_file"))["context"]["policy_version"]
    world.registry.must("deployments", "triage-prod", {"agent": "triage"})
    second = world.decide(**call("read_file"))["context"]["policy_version"]
    assert first.partition("@")[0] == second.partition("@")[0]
    assert int(second.partition("@")[2]) == int(first.partition("@")[2]) + 1 == world.registry.changes()[-1].sequence


@pytest.mark.parametrize(("seed", "steps"), [(4, 160), (5, 160), (6, 160)])
def test_change_by_change_is_the_same_as_all_at_once(world, seed, steps):
    """Law: however the registry came to be what it is, decisions are made on the same."""
    chance, registry = random.Random(seed), world.registry  # noqa: S311  a seed, no secret
    by_scope = {"agent": "pilot", "scope": "both"}
    on_all = {"agent": "rover", "tool_server": "github", "tools": ["*"], "resources": ["repo:*"]}
    on_all |= {"allow_wildcard": True, "justification": "all"}
    registry.must("agents", "scout", AGENT)
    registry.must("agents", "pilot", AGENT)
    scope = {"tool_server": "github", "tools": ["read_file"], "resources": ["repo:web", "repo:api"]}
    registry.must("scopes", "both", scope)
    bodies = {
        ("users", "ana"): [{"ids": ["a"], "roles": [role], "attributes": {"n": n}} for role in "xy" for n in (1, 2)],
        ("resources", "m"): [{**THING, "attributes": {"label": label}} for label in ("a", "b")],
        ("relations", OWNS): [RELATION],
        ("policies", "stop"): [{"document": FORBID, "side": side} for side in ("agent", "user")],
        ("grants", name_of_grant({**GRANT, "agent": "scout"})): [{**GRANT, "agent": "scout"}],
        ("agents", "scout"): [{**AGENT, "environment": name} for name in ("", "prod")],
        ("deployments", "scout-prod"): [{"agent": "scout", "commit": c} for c in ("c0ffee", "decaf0")],
        ("scopes", "both"): [scope, {**scope, "resources": ["repo:api"]}],
        ("ceilings", "c"): [
            {"principal": principal, "scopes": scopes}
            for principal in ("agent:scout", "team:payments", "environment:prod", "organization")
            for scopes in (["everything"], ["both"])
        ],
        ("owners", "alice"): [{**OWNER, "team": team} for team in ("payments", "web")],
        ("owners", "bo"): [{**OWNER, "display_name": "Bo", "team": team} for team in ("payments", "web")],
        ("agents", "rover"): [{**AGENT, "owner": owner} for owner in ("alice", "bo")],
        ("grants", name_of_grant(by_scope)): [by_scope],
        ("grants", name_of_grant(on_all)): [on_all],
        ("tool-servers", "github"): [
            SERVER,
            {**SERVER, "tools": {**SERVER["tools"], "merge": {"action": "write"}}},
            {**SERVER, "tools": {"create_issue": {"action": "write"}}},
        ],
    }
    granted = set()
    for _ in range(steps):
        (kind, name), choices = chance.choice(list(bodies.items()))
        live = registry.get(kind, name)
        if live.is_success and chance.random() < (0.4 if kind != "scopes" else 0):
            registry.delete(kind, name, live.json()["revision"])
        elif live.is_success:
            registry.change(kind, name, chance.choice(choices), live.json()["revision"])
        else:
            registry.create(kind, name, chance.choice(choices))
        if chance.random() < 0.6:
            followed = world.current.look()
            anew = Current(world.store, engine_named("compiled"), lambda: registry.now).look()
            assert followed.published.version == anew.published.version
            assert followed.published.facts.known == anew.published.facts.known
            assert _held(followed) == _held(anew)
            assert followed.published.policies.keys() == anew.published.policies.keys()
            assert (followed.directory, followed.servers) == (anew.directory, anew.servers)
            granted |= {ref.id for holders in _held(anew).values() for ref in holders}
    assert granted == {"triage", "scout", "rover", "pilot"}


def _held(state):
    return {holder: held for holder, held in state.published.facts.grants.of.items() if held}


def test_a_policy_that_cannot_be_published_replaces_none_and_stops_nothing_else(world):
    good = {"document": FORBID, "side": "agent"}
    world.registry.must("policies", "stop", good)
    assert not allowed(world)
    broken = {**good, "document": FORBID.replace(";", " when { context.nope };")}
    assert world.registry.change("policies", "stop", broken, 1).is_success  # past the door's own check
    assert not allowed(world)
    assert [problem.document for problem in world.current.look().problems] == ["stop"]
    world.registry.delete("grants", name_of_grant(GRANT), 1)
    answer = world.decide(**call("read_file"))
    assert (answer["decision"], answer["context"]["policy_version"].partition("@")[2]) == (False, str(_latest(world)))


def test_the_door_refuses_a_policy_that_could_not_be_published(world):
    refund = 'permit(principal, action == Action::"github/refund", resource)'
    for document, said in (
        (refund + ' when { context.input.amout.greaterThan(decimal("1.0")) };', "amout"),
        (f'forbid(principal == user::"{USER["ids"][0]}", action, resource);', "rick"),
        ('permit(principal, action == Action::"can_fly", resource);', "can_fly"),
    ):
        answer = world.call(
            "PUT", path("policies", "p"), json={"document": document, "side": "user"}, headers={"If-None-Match": "*"}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
        assert said in answer.text


@pytest.mark.parametrize(
    ("kind", "name", "body"),
    [
        ("users", "ana", {"ids": ["a"], "attributes": {"level": "high"}}),
        ("resources", "n", {"type": "document", "foreign_id": "43", "attributes": {"pages": "three"}}),
        ("resources", "n", {"type": "document", "foreign_id": "43", "attributes": {"owner": "ana"}}),
        ("relations", "document:42#label@user:a", {"subject": "user:a", "relation": "label", "object": "document:42"}),
    ],
)
def test_the_door_refuses_what_would_leave_nothing_to_publish(world, kind, name, body):
    world.must("users", "bob", {"ids": ["b"], "attributes": {"level": 3}})
    world.must("resources", "m", THING)
    world.registry.must("relations", OWNS, RELATION)
    where = path(kind, name)
    answer = world.call("PUT", where, json=body, headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert allowed(world)
    only = world.call(
        "PUT", path("users", "bob"), json={"ids": ["b"], "attributes": {"level": "3"}}, headers={"If-Match": '"1"'}
    )
    assert only.is_success  # nobody else's attribute contradicts it
    assert allowed(world)


class Broken:
    """A store that does not answer."""

    def __init__(self, store):
        self.store, self.broken = store, False

    def read(self):
        if self.broken:
            raise Unavailable("no database")
        return self.store.read()

    def begin(self):
        if self.broken:
            raise Unavailable("no database")
        return self.store.begin()

    def listen(self, listener):
        self.store.listen(listener)

    def unlisten(self, listener):
        self.store.unlisten(listener)


def test_a_commit_wakes_the_thread_that_follows(world):
    store = Broken(world.store)
    current = Current(store, engine_named("compiled"), lambda: world.registry.now, bound=timedelta(seconds=5))
    current.start()
    try:
        _until(lambda: current.state(world.registry.now) is not None)
        world.registry.must("policies", "stop", {"document": FORBID, "side": "agent"})
        _until(lambda: current.state(world.registry.now).sequence == _latest(world))
        store.broken = True
        world.later(6)
        _until(lambda: current.state(world.registry.now) is None)
        store.broken = False
        _until(lambda: current.state(world.registry.now) is not None)
    finally:
        current.close()


@pytest.mark.parametrize("seconds", [6, -6])
def test_whichever_way_the_clock_was_set_what_was_seen_at_another_time_is_not_current(world, seconds):
    current = Current(world.store, engine_named("compiled"), lambda: world.registry.now, bound=timedelta(seconds=5))
    current.look()
    world.later(seconds)
    assert current.state(world.registry.now) is None
    current.look()
    assert current.state(world.registry.now) is not None


def _latest(world):
    return world.registry.changes()[-1].sequence


def _until(true, seconds=5.0):
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not true():
        assert time.monotonic() < deadline
        pause.wait(0.005)
