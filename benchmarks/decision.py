"""How long a decision takes, agent side and user side, at 100,000 agents with 1,000,000 grants.

The other side is one flat Cedar policy set that says the same: a permit per grant, evaluated by `cedarpy`. It is linear
in the grants, so it is measured at 10,000 of them, and its figure says so. Each decision of ours is compared to a plain
`if`, written without any of our code: a fast engine that is wrong is no engine.
"""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random
from statistics import median

import cedarpy

from benchmarks.figure import Figure
from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest, OauthMode, OauthStatus, agent_ref, user_ref
from leasehold.model.authority.plain import Constraints, constraints_of
from leasehold.model.entities import GROUP, TEAM, Entity, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.model.tools import Action
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.cedar.evaluation import Engine
from leasehold.policy.deciding import decide
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import CallableTool, Facts, PolicyText, facts_of
from leasehold.policy.published import Published
from leasehold.policy.publishing import publish
from leasehold.policy.surveying import who_can

AGENTS, TOOLS, GRANTS_EACH, USERS = 100_000, 50, 10, 1_000
FLAT_AGENTS = 1_000
QUESTIONS, ROUNDS = 20_000, 5
DEPTH_MAX = 3
_OFTEN, _MOSTLY = 0.8, 0.95
NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
TABLES, LIMITS = ("sales_", "finance_", "hr_", "ops_"), (2_000, 5_000, 10_000)
SERVERS = [f"server-{at}" for at in range(5)]
SCHEMA = {
    "type": "object",
    "properties": {"table": {"type": "string"}, "amount": {"type": "integer"}},
    "required": ["table", "amount"],
}
AGENT_POLICIES = """
@id("corporate") forbid (principal, action in Action::"*", resource)
unless { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) };
@id("consent") forbid (principal, action in Action::"*", resource) when { context has on_behalf_of }
unless { context has oauth && context.oauth.consent };
@id("deep") forbid (principal, action in Action::"*", resource) when { context.depth > 3 };
"""
USER_POLICIES = """
@id("staff") permit (principal in group::"staff", action in Action::"*", resource);
@id("agents-do-not-delete") forbid (principal, action in Action::"delete", resource) when { context has via_agent };
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant of the workload."""

    agent: int
    tool: int
    table: str | None
    limit: int | None


def tool_of(at: int) -> tuple[str, str, Action]:
    """Server, name and action of a tool; every tenth deletes."""
    return SERVERS[at % 5], f"tool{at}", Action.DELETE if at % 10 == 0 else Action.READ


def grants(agents: int) -> Iterator[Grant]:
    """Ten of 50 tools for each agent, of one of four kinds of constraint."""
    chance = Random(42)  # noqa: S311  the same workload each time
    for agent in range(agents):
        for tool in chance.sample(range(TOOLS), GRANTS_EACH):
            kind = chance.randrange(4)
            table, limit = chance.choice(TABLES), chance.choice(LIMITS)
            yield Grant(agent, tool, table if kind in {0, 2} else None, limit if kind in {1, 2} else None)


def constraints(grant: Grant, made: dict[tuple[str | None, int | None], Constraints]) -> Constraints:
    """The grant's constraints, each kind made once."""
    key = grant.table, grant.limit
    if key not in made:
        plain: dict[str, object] = {} if grant.table is None else {"table": {"prefix": grant.table}}
        made[key] = constraints_of(
            plain if grant.limit is None else {**plain, "amount": {"range": {"max": grant.limit}}}
        )
    return made[key]


def held(agents: int) -> Iterator[HeldReach]:
    """The grants as the registry would hand them over."""
    made: dict[tuple[str | None, int | None], Constraints] = {}
    for grant in grants(agents):
        server, name, _ = tool_of(grant.tool)
        reach = Reach(server, name, "db:*", constraints(grant, made))
        holder = f"agent{grant.agent}"
        yield HeldReach(holder=agent_ref(holder), reach=reach, name=f"{holder}/{server}.{name}@db:*")


def entities(agents: int) -> Iterator[Entity]:
    """Agents in teams, users in groups."""
    for at in range(agents):
        team = f"team{at % 100}"
        attributes = {"owner": f"owner{at % 500}", "team": team, "environment": "production"}
        yield Entity(ref=agent_ref(f"agent{at}"), attributes=attributes, parents=frozenset({EntityRef(TEAM, team)}))
    for at in range(USERS):
        groups = frozenset({EntityRef(GROUP, "staff" if at % 10 else "guests")})
        yield Entity(ref=user_ref(f"user{at}"), attributes={"email": f"user{at}@example.com"}, parents=groups)


def tools() -> Iterator[CallableTool]:
    """All tools, of one schema."""
    for at in range(TOOLS):
        server, name, action = tool_of(at)
        yield CallableTool(server=server, name=name, action=action, input_schema=SCHEMA)


def texts() -> list[PolicyText]:
    """Guards of the agent side, and what people may do."""
    return [
        PolicyText(name="guards", document=AGENT_POLICIES, side=PolicySide.AGENT),
        PolicyText(name="people", document=USER_POLICIES, side=PolicySide.USER),
    ]


def questions(agents: int, wanted: int) -> list[tuple[AccessRequest, bool]]:
    """Calls with the answer that a plain `if` gives."""
    chance = Random(7)  # noqa: S311  as above
    by_agent: dict[int, list[Grant]] = {}
    for grant in grants(agents):
        by_agent.setdefault(grant.agent, []).append(grant)
    return [_question(chance, chance.choice(by_agent[chance.randrange(agents)])) for _ in range(wanted)]


def _question(chance: Random, grant: Grant) -> tuple[AccessRequest, bool]:
    server, name, action = tool_of(grant.tool)
    table = f"{grant.table if grant.table and chance.random() < _OFTEN else chance.choice(TABLES)}q3"
    amount, source = chance.choice((500, 4_000, 9_000)), chance.choice(("10.20.3.4", "10.9.9.9", "10.1.1.7", "8.8.8.8"))
    user, depth, consent = chance.randrange(USERS), chance.choice((0, 1, 1, 2, 4)), chance.random() < _MOSTLY
    within = grant.table is None or table.startswith(grant.table)
    within = within and (grant.limit is None or amount <= grant.limit)
    agent_may = within and ip_address(source) in ip_network("10.0.0.0/8") and consent and depth <= DEPTH_MAX
    request = AccessRequest(
        subject=Entity(ref=agent_ref(f"agent{grant.agent}")),
        action=f"{server}/{name}",
        resource=Entity(ref=EntityRef("db", "main")),
        at=NOW,
        user=Entity(ref=user_ref(f"user{user}")),
        chain=tuple(f"agent{at}" for at in range(depth)),
        deployment="production",
        source=source,
        oauth=OauthStatus(
            mode=OauthMode.ON_BEHALF_OF, scopes=frozenset({f"mcp:tool:{name}:{action}"}), consent=consent
        ),
        arguments={"table": table, "amount": amount},
    )
    return request, agent_may and bool(user % 10) and action is not Action.DELETE


def figures() -> Iterator[Figure]:
    """Load, then each engine, then the other side."""
    before, started = _memory(), time.perf_counter()
    facts = facts_of(entities=entities(AGENTS), tools=tools(), grants=held(AGENTS))
    loaded = time.perf_counter() - started - _drawing_seconds()
    asked = questions(AGENTS, QUESTIONS)
    gc.collect()
    yield Figure("decide_1m_grants_load_seconds", loaded, "s")
    yield Figure("decide_1m_grants_memory_mb", _memory() - before, "MB")
    flat = _flat_p50()
    for name, suffix in (("compiled", ""), ("cedarpy", "_cedarpy")):
        published = publish(texts(), facts, engine_named(name))
        cold, times = _times(published, asked)
        p50 = times[len(times) // 2]
        yield Figure(f"decide_1m_grants_p50_us{suffix}", p50, "us", flat, p50 / flat)
        yield Figure(f"decide_1m_grants_p99_us{suffix}", times[int(len(times) * 0.99)], "us")
        yield Figure(f"decide_first_pass_us{suffix}", cold, "us")
        yield Figure(f"decisions_per_second{suffix}", 1e6 / (sum(times) / len(times)), "1/s")
    yield _who_can(publish(texts(), facts))
    yield Figure("publish_policies_ms", _publish_ms(facts, engine_named("compiled")), "ms")
    yield Figure(
        "decide_flat_cedarpy_p50_us", flat, "us", f"one set of {FLAT_AGENTS * GRANTS_EACH} permits, agent side alone"
    )


def _drawing_seconds() -> float:
    """What drawing the workload takes by itself, which is no part of loading it."""
    started = time.perf_counter()
    drawn = sum(1 for _ in held(AGENTS)) + sum(1 for _ in entities(AGENTS))
    if drawn != AGENTS * (GRANTS_EACH + 1) + USERS:
        raise AssertionError(f"{drawn} is not the workload")
    return time.perf_counter() - started


def _times(published: Published, asked: Sequence[tuple[AccessRequest, bool]]) -> tuple[float, list[float]]:
    """Microseconds: the mean of the first pass, and the sorted times of the best of several rounds after it."""
    started = time.perf_counter()
    wrong = sum(decide(request, published).decision.allowed is not expected for request, expected in asked)
    cold = (time.perf_counter() - started) / len(asked) * 1e6
    if wrong:
        raise AssertionError(f"{wrong} of {len(asked)} decisions are wrong")
    rounds = [_round(lambda request: decide(request, published), asked) for _ in range(ROUNDS)]
    return cold, min(rounds, key=lambda times: times[len(times) // 2])


def _round(ask: Callable[[AccessRequest], object], asked: Sequence[tuple[AccessRequest, bool]]) -> list[float]:
    clock, times = time.perf_counter_ns, []
    gc.disable()
    for request, _ in asked:
        at = clock()
        ask(request)
        times.append((clock() - at) / 1e3)
    gc.enable()
    return sorted(times)


def _who_can(published: Published) -> Figure:
    """Every holder of one tool, with what is asked of each."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        found = list(who_can("server-1/tool1", published, NOW))
        times.append((time.perf_counter() - started) * 1e3)
    return Figure("who_can_100k_agents_ms", min(times), "ms", f"{len(found)} ways to call it")


def _publish_ms(facts: Facts, engine: Engine) -> float:
    """From changed policies to a published object that can be swapped in, over facts that are there."""
    started = time.perf_counter()
    publish(texts(), facts, engine)
    return (time.perf_counter() - started) * 1e3


def _flat_p50() -> float:
    """The agent side alone, as permits of one set."""
    parsed = cedarpy.PolicySet.from_str(AGENT_POLICIES + "\n".join(_permit(grant) for grant in grants(FLAT_AGENTS)))
    groups = [{"type": "Action", "id": "*"}]
    actions = [
        {"uid": {"type": "Action", "id": "/".join(tool_of(at)[:2])}, "attrs": {}, "parents": groups}
        for at in range(TOOLS)
    ]
    known = cedarpy.Entities.from_json_str(json.dumps(actions))
    times = []
    for request, _ in questions(FLAT_AGENTS, 60):
        plain = _plain(request)
        at = time.perf_counter_ns()
        cedarpy.is_authorized(plain, parsed, known)
        times.append((time.perf_counter_ns() - at) / 1e3)
    return median(times)


def _permit(grant: Grant) -> str:
    server, name, _ = tool_of(grant.tool)
    conditions = [] if grant.table is None else [f'context.input.table like "{grant.table}*"']
    conditions += [] if grant.limit is None else [f"context.input.amount <= {grant.limit}"]
    when = f" when {{ {' && '.join(conditions)} }}" if conditions else ""
    return f'permit(principal == agent::"agent{grant.agent}", action == Action::"{server}/{name}", resource){when};'


def _plain(request: AccessRequest) -> dict[str, object]:
    assert request.oauth is not None
    oauth = {"mode": request.oauth.mode.value, "scopes": sorted(request.oauth.scopes), "consent": request.oauth.consent}
    context = {"input": dict(request.arguments), "depth": len(request.chain), "oauth": oauth}
    context["source_ip"] = {"__extn": {"fn": "ip", "arg": request.source}}
    uid = {"type": request.subject.ref.type, "id": request.subject.ref.id}
    resource = {"type": request.resource.ref.type, "id": request.resource.ref.id}
    return {
        "principal": uid,
        "action": {"type": "Action", "id": request.action},
        "resource": resource,
        "context": context,
    }


def _memory() -> float:
    """Resident memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
