"""Proofs have an end: what the solver cannot tell in time is unproven, the rest is told, and the review is bounded."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import count

from tests.unit.policy.test_proving_bounds import HARD, SUMS
from tests.unit.review.worlds import NOW, Registry, declare, organisation

from leasehold.model.directory import User
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Action, Tool
from leasehold.policy.proving.comparing import Movement
from leasehold.policy.proving.searching import Bounds
from leasehold.review.gate.rules import Check, Verdict
from leasehold.review.plan_review import review_plan
from leasehold.review.proofs import Effort, prove
from leasehold.review.worlds import World

GITHUB = (Kind.TOOL_SERVERS, "github")
TOOLS = {f"sum_{at}": Tool(action=Action.READ, input_schema=json.dumps(SUMS)) for at in range(12)}
ENDLESS = Bounds(steps=2**32 - 1, milliseconds=50)


def organised(*hard):
    """The organisation with tools of three numbers, and a policy about each of `hard` that nobody can solve."""
    objects = organisation()
    objects[GITHUB] = replace(objects[GITHUB], tools={**objects[GITHUB].tools, **TOOLS})
    text = "".join(
        f'forbid(principal, action == Action::"github/{one}", resource) when {{ {HARD} }};\n' for one in hard
    )
    if hard:
        objects[Kind.POLICIES, "hard"] = Policy(document=text, side=PolicySide.AGENT)
    return objects


def test_a_review_of_what_no_solver_finishes_ends_and_says_so():
    was, now = World(organised()), World(organised(*TOOLS))
    started = time.monotonic()
    proved = prove(was, now, NOW, Effort(bounds=ENDLESS, seconds=1.0))
    took = time.monotonic() - started
    assert {one.tool for one in proved.proofs} == set(TOOLS)
    assert {one.movement for one in proved.proofs} == {Movement.UNPROVEN}
    assert any("gave up" in one.why for one in proved.proofs)
    assert took < 15, "a second for all, and what was begun by then"


def test_what_comes_after_the_time_is_unproven_and_what_came_before_is_told():
    policy = Policy(document="forbid(principal, action, resource) when { context.depth > 1 };", side=PolicySide.AGENT)
    now = World(organised() | {(Kind.POLICIES, "hard"): policy})
    clock = count()
    proved = prove(World(organised()), now, NOW, Effort(seconds=2.5, ticks=lambda: float(next(clock)))).proofs
    told = [one.movement for one in proved]
    assert Movement.NARROWS in told
    late = [one for one in proved if one.movement is Movement.UNPROVEN]
    assert {one.why for one in late} == {"the time for proofs in one review ran out"}
    assert told.index(Movement.UNPROVEN) == len(told) - len(late), "the last ones"


def test_the_gate_never_lets_pass_what_nobody_could_prove():
    registry = Registry()
    registry.write(*GITHUB, organised()[GITHUB], stack="prod")
    report = review_plan(registry.picture(declare(organised("sum_0"))))
    found = [one for one in report.gate.findings if one.check is Check.UNPROVEN]
    assert any("the solver gave up" in one.sentence for one in found)
    assert report.gate.verdict is not Verdict.AUTO


def test_facts_that_no_time_is_left_for_are_unproven_of_every_agent_and_tool():
    document = 'permit(principal in role::"support", action in Action::"*", resource);'
    was = organised() | {
        (Kind.POLICIES, "people"): Policy(document=document, side=PolicySide.USER),
        (Kind.USERS, "bob"): User(ids=frozenset({"bob-at-idp"})),
    }
    now = was | {(Kind.USERS, "bob"): User(ids=frozenset({"bob-at-idp"}), roles=frozenset({"support"}))}
    clock = count(step=10)
    proved = prove(World(was), World(now), NOW, Effort(seconds=1.0, ticks=lambda: float(next(clock)))).proofs
    assert {(one.tool, one.movement, one.facts) for one in proved} == {
        (tool, Movement.UNPROVEN, True) for tool in ("read_file", "create_issue")
    }
    assert {one.movement for one in prove(World(was), World(now), NOW).proofs} == {Movement.WIDENS}
