"""What a list shows: never less than can be called, and nothing that is denied whatever the call says."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decision_world import (
    ANA,
    BILLING,
    BOB,
    MAIN,
    MONDAY,
    TRIAGE,
    agent_policy,
    call,
    published,
    user_policy,
)

from leasehold.model.entities import Entity, EntityRef
from leasehold.policy.cedar.statements import DocumentRefused
from leasehold.policy.deciding import decision_on
from leasehold.policy.possible import could_allow

TOOLS = {
    "warehouse/query": ("db:*", MAIN, [{"table": "sales"}, {"table": "hr"}]),
    "billing/refund": ("tool_server:billing", BILLING, [{"amount": 1}, {"amount": 500}]),
    "docs/delete": ("document:*", EntityRef("document", "plan"), [{}]),
    "docs/read": ("document:*", EntityRef("document", "memo"), [{}]),
}
CONDITIONS = (
    "true", "false", "context.depth > 0", "context.depth < 1", 'principal.environment == "production"',
    'principal.environment == "staging"', "principal has owner", "context has on_behalf_of", "principal has nothing",
    'context.tool.server == "docs"', "context.weekday < 6", "context.weekday > 5", "context has source_ip",
    'resource == document::"plan"', "resource is document", 'context.input.table == "sales"',
    "context.input.amount < 10", 'principal.environment.like_nothing == "x"',
)  # fmt: skip
OPEN = ("input", "source_ip", "weekday", "resource")
condition = st.recursive(
    st.sampled_from(CONDITIONS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda one: f"!({one})"),
        st.tuples(inner, inner, inner).map(lambda p: f"(if {p[0]} then {p[1]} else {p[2]})"),
    ),
    max_leaves=4,
)
policy = st.tuples(
    st.sampled_from(("permit", "forbid")), st.sampled_from((*TOOLS, "")), st.sampled_from(("when", "unless")), condition
)


def text_of(policies):
    def one(number, effect, action, word, asked):
        scope = f'action == Action::"{action}"' if action else "action"
        return f'@id("p{number}") {effect}(principal, {scope}, resource) {word} {{ {asked} }};'

    return "\n".join(one(number, *parts) for number, parts in enumerate(policies))


def world_with(policies, users=()):
    texts = [agent_policy(text_of(policies))] if policies else []
    texts += [user_policy(text_of(users))] if users else []
    try:
        return published(*texts)
    except DocumentRefused:
        return None


def questions(action, resource, arguments, user):
    """Calls that differ in all that a call itself says."""
    for given_arguments in arguments:
        for days in (0, 6):
            for source in (None, "10.0.0.1"):
                yield call(action, resource, arguments=given_arguments, at=MONDAY + timedelta(days=days),
                           source=source, user=user)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(policy, max_size=4), st.lists(policy, max_size=2), st.sampled_from((None, ANA, BOB)))
def test_what_can_be_called_is_listed(policies, users, user):
    world = world_with(policies, users)
    if world is None:
        return
    for action, (pattern, resource, arguments) in TOOLS.items():
        asked = list(questions(action, resource, arguments, user))
        if any(decision_on(one, world).allowed for one in asked):
            assert could_allow(asked[0], pattern, world), (action, text_of(policies), text_of(users))


@settings(max_examples=300, deadline=None)
@given(st.lists(policy.filter(lambda one: not any(word in one[3] for word in OPEN)), max_size=4))
def test_what_is_listed_can_be_called_where_policies_ask_nothing_of_the_call(policies):
    world = world_with(policies)
    if world is None:
        return
    for action, (pattern, resource, arguments) in TOOLS.items():
        asked = list(questions(action, resource, arguments, None))
        allowed = any(decision_on(one, world).allowed for one in asked)
        assert could_allow(asked[0], pattern, world) is allowed, (action, text_of(policies))


def test_a_tool_is_hidden_whose_grants_speak_of_other_resources_or_are_over():
    world = published()
    asked = call()
    assert could_allow(asked, "db:*", world)
    assert could_allow(asked, "db:main", world)
    assert not could_allow(asked, "table:*", world)
    assert not could_allow(replace(asked, action="warehouse/erase"), "db:*", world)
    assert not could_allow(replace(asked, subject=Entity(ref=EntityRef("agent", "nobody"))), "db:*", world)
    assert could_allow(replace(asked, subject=Entity(ref=TRIAGE)), "db:*", world)
