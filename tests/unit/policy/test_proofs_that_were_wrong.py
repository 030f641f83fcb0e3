"""Pairs of which a proof once denied what a call shows: names in conditions, and letters that no policy writes."""

from dataclasses import replace

import pytest
from tests.fakes.decision_world import ENTITIES, GRANTS, MEMO, MONDAY, PLAN, TRIAGE, agent_policy, held, published
from tests.unit.policy.test_proving import EVERY, QUERY, forbid_unless, forbid_when

from leasehold.model.entities import EntityRef
from leasehold.model.policies import PolicySide
from leasehold.model.tools import Action
from leasehold.policy.material import CallableTool
from leasehold.policy.proving.comparing import Comparison, Movement
from leasehold.policy.proving.questions import Holder


@pytest.mark.parametrize(
    "condition", ['principal == agent::"twin"', '[agent::"twin"].contains(principal)', 'principal in [agent::"twin"]']
)
def test_an_agent_that_only_a_condition_names_is_not_taken_for_another(condition):
    twin = EntityRef("agent", "twin")
    world = {
        "entities": [*ENTITIES, replace(ENTITIES[0], ref=twin)],
        "grants": [*held(TRIAGE, *GRANTS), *held(twin, *GRANTS)],
    }
    documents = (f"forbid (principal, {EVERY});", forbid_unless(condition))
    comparison = Comparison(*(published(agent_policy(one), **world) for one in documents), MONDAY)
    assert comparison.of_agent(QUERY, Holder(TRIAGE)).movement is Movement.EQUIVALENT
    assert comparison.of_agent(QUERY, Holder(twin)).movement is Movement.WIDENS


def only_query(document):
    return document.replace('action in Action::"*"', f'action == Action::"{QUERY}"')


def proof_of_x(old, new, schema, **world):
    """Of two conditions on the tool's one argument, `x`."""
    listed = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    tools = [CallableTool(server="warehouse", name="query", action=Action.READ, input_schema=listed)]
    both = (
        published(agent_policy(only_query(one)), tools=tools, grants=held(TRIAGE, GRANTS[0]), **world)
        for one in (old, new)
    )
    return Comparison(*both, MONDAY).proof(PolicySide.AGENT, QUERY)


def test_a_choice_that_no_policy_writes_is_one_all_the_same():
    found = proof_of_x(
        forbid_when('context.input.x != "b"'), forbid_when('context.input.x == "b"'), {"enum": ["ä", "b"]}
    )
    assert (found.movement, found.widening.request.arguments) == (Movement.BOTH, {"x": "ä"})


def test_letters_of_what_is_known_of_an_entity_that_a_policy_names_are_letters_too():
    lea = replace(ENTITIES[1], ref=EntityRef("user", "lea"), attributes={"label": "ä"})
    found = proof_of_x(
        forbid_unless('context.input.x == "a"'),
        forbid_unless('context.input.x == "a" || (user::"lea" has label && context.input.x == user::"lea".label)'),
        {"type": "string"},
        entities=[*ENTITIES, lea],
    )
    assert (found.movement, found.widening.request.arguments) == (Movement.WIDENS, {"x": "ä"})


@pytest.mark.parametrize("letter", ["\U00030000", "\U0010ffff"])
def test_a_letter_beyond_the_solvers_is_unproven_and_never_taken_for_its_spelling(letter):
    spelt = f"\\\\u{{{ord(letter):x}}}"
    found = proof_of_x(
        forbid_unless(f'context.input.x == "{letter}"'),
        forbid_unless(f'context.input.x == "{spelt}"'),
        {"type": "string"},
    )
    assert found.movement is Movement.UNPROVEN


@pytest.mark.parametrize(
    ("reaches", "movement"), [("document:plan", Movement.EQUIVALENT), ("document:*", Movement.WIDENS)]
)
def test_nothing_is_supposed_of_a_thing_that_is_registered(reaches, movement):
    """The plan is registered as internal; some other document may be a secret one."""
    query = {"tools": [CallableTool(server="warehouse", name="query", action=Action.READ)]}
    world = {**query, "grants": held(TRIAGE, ("warehouse", "query", reaches, {}, "granted"))}
    secret = 'resource is document && resource has label && resource.label == "secret"'
    documents = (only_query(f"forbid (principal, {EVERY});"), only_query(forbid_unless(secret)))
    found = Comparison(*(published(agent_policy(one), **world) for one in documents), MONDAY).of_agent(
        QUERY, Holder(TRIAGE)
    )
    assert found.movement is movement
    assert found.widening is None or found.widening.request.resource.ref not in {PLAN, MEMO}
