"""A plan reviewed whole: access, proofs, gate. A thousand grants that all change, and a thousand policies that do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

from benchmarks.figure import Figure
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Action, Tool, ToolServer
from leasehold.policy.registered import publish_registered
from leasehold.review.declared import Declared, DeclaredObject
from leasehold.review.drift import Picture
from leasehold.review.plan_review import PlanReview, review_plan
from leasehold.review.proofs import registered
from leasehold.review.worlds import Key, World, live_picture

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
EDGES, POLICIES, ROUNDS = 1_000, 1_000, 5
_PER_AGENT, _PER_DOCUMENT, _TOOLS = 10, 100, 50
Objects = dict[Key, Spec]


class _NoHistory:
    """Nobody asks how it came to be."""

    def since(self, _kind: Kind, _name: str, _revision: int) -> tuple[()]:
        return ()


def figures() -> Iterator[Figure]:
    """Milliseconds for a whole review, the best of some rounds: by the wall, and of the processor.

    Each plan is new to the process; what lives was published before, as in a registry that serves. A review waits for
    nobody: where the wall shows more than the processor, other programs had it.
    """
    edges = _best(_edges(wide=False), [_edges(wide=True)] * ROUNDS)
    yield Figure("review_1000_edges_ms", edges[0], "ms", "target 200")
    yield Figure("review_1000_edges_cpu_ms", edges[1], "ms")
    policies = _best(_policies(most=50), [_policies(most=60 + at) for at in range(ROUNDS)])
    yield Figure("review_1000_policies_ms", policies[0], "ms", "target 1000")
    yield Figure("review_1000_policies_cpu_ms", policies[1], "ms")


def _best(live: Objects, plans: list[Objects]) -> tuple[float, float]:
    """Both ways of looking are checked: every change is found."""
    wall, cpu = [], []
    publish_registered(registered(World(live)))
    for planned in plans:
        started = time.perf_counter(), time.process_time()
        report = _reviewed(live, planned)
        wall.append(time.perf_counter() - started[0])
        cpu.append(time.process_time() - started[1])
        assert report.proofs
        assert not any(one.movement == "unproven" for one in report.proofs)
    return 1000 * min(wall), 1000 * min(cpu)


def _reviewed(live: Objects, planned: Objects) -> PlanReview:
    stored = [
        Stored(
            kind=kind, name=name, revision=1, spec=spec, stack="prod", created_at=NOW, updated_at=NOW, updated_by="ci"
        )
        for (kind, name), spec in live.items()
    ]
    objects = tuple(DeclaredObject(kind, name, spec, name, "prod") for (kind, name), spec in planned.items())
    picture = Picture(Declared(frozenset({"prod"}), objects), live_picture(stored, 1, NOW), _NoHistory())
    return review_plan(picture)


def _foundation(tools: int) -> Objects:
    schema = '{"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}'
    listed = {f"tool{at}": Tool(action=Action.WRITE, input_schema=schema) for at in range(tools)}
    return {
        (Kind.OWNERS, "alice"): Owner(display_name="Alice", email="alice@example.com", team="web"),
        (Kind.TOOL_SERVERS, "desk"): ToolServer(url="https://mcp.example.com/desk", tools=listed),
    }


def _edges(*, wide: bool) -> Objects:
    """A hundred agents with ten grants each, all of them on one more resource if `wide`."""
    objects = _foundation(_PER_AGENT)
    for at in range(EDGES // _PER_AGENT):
        objects[Kind.AGENTS, f"agent{at}"] = Agent(owner="alice", review_by=date(2027, 5, 1))
        for tool in range(_PER_AGENT):
            resources = frozenset({f"repo:r{tool}", *([f"repo:more{tool}"] if wide else [])})
            grant = Grant(agent=f"agent{at}", tool_server="desk", tools=frozenset({f"tool{tool}"}), resources=resources)
            objects[Kind.GRANTS, grant.id] = grant
    return objects


def _policies(*, most: int) -> Objects:
    """A thousand statements in documents of a hundred, on fifty tools, all of them with another limit."""
    objects = _foundation(_TOOLS)
    statements = [
        f'@id("p{at}") forbid(principal == agent::"agent{at}", action == Action::"desk/tool{at % _TOOLS}", resource) '
        f"when {{ context.input.amount > {most + at} }};"
        for at in range(POLICIES)
    ]
    for at in range(0, POLICIES, _PER_DOCUMENT):
        document = "\n".join(statements[at : at + _PER_DOCUMENT])
        objects[Kind.POLICIES, f"limits{at}"] = Policy(document=document, side=PolicySide.AGENT)
    return objects
