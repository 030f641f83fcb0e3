"""Laws of limited access, against an evaluator that tries calls one by one: ceilings, and what a change takes away."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.model.authority.universe import authorities, calls

from leasehold.model.access import reach_of_grant, reach_of_scope, wire_scopes
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.authority.order import allows
from leasehold.model.ceilings import within_ceilings
from leasehold.model.clients import DpopUse
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.tools import Action, Scope, Tool, ToolServer
from leasehold.policy.shares import promised
from leasehold.registry.worlds import Access

CALLS = calls()
NOW = datetime(2026, 11, 26, tzinfo=UTC)
LIMITS = st.sampled_from(
    [
        ArgumentConstraint(max=2),
        ArgumentConstraint(min=0, max=1),
        ArgumentConstraint(min=1, max=3),
        ArgumentConstraint(numbers=frozenset({0, 2})),
        ArgumentConstraint(one_of=frozenset({"a", "ab"})),
        ArgumentConstraint(prefixes=frozenset({"a", "b"})),
        ArgumentConstraint(globs=frozenset({"a*b", "*a"})),
        ArgumentConstraint(boolean=True),
    ]
)
CONSTRAINTS = st.dictionaries(st.sampled_from(["x", "y"]), LIMITS, max_size=2)
TOOLS = st.sampled_from([frozenset({"read"}), frozenset({"*"})])
RESOURCES = st.sampled_from([frozenset({"repo:a"}), frozenset({"repo:a*"}), frozenset({"repo:*"})])
WILD = {"allow_wildcard": True, "justification": "a test"}
SCOPES = st.builds(
    lambda t, r, c: Scope(tool_server="github", tools=t, resources=r, constraints=c, **WILD),
    TOOLS,
    RESOURCES,
    CONSTRAINTS,
)
GRANTS = st.one_of(
    st.builds(
        lambda t, r, c: Grant(agent="a", tool_server="github", tools=t, resources=r, constraints=c, **WILD),
        TOOLS,
        RESOURCES,
        CONSTRAINTS,
    ),
    st.builds(lambda r, c: Grant(agent="a", scope="s0", resources=r, constraints=c, **WILD), RESOURCES, CONSTRAINTS),
)
tried = settings(deadline=None, max_examples=60)


def allowed(authority) -> set[int]:
    return {at for at, call in enumerate(CALLS) if allows(authority, call)}


@tried
@given(st.lists(GRANTS, max_size=3), st.lists(SCOPES, min_size=1, max_size=3), st.sets(st.integers(0, 2)))
def test_what_is_held_under_ceilings_lies_within_every_one_of_them(grants, scopes, bound):
    named = {f"s{at}": scope for at, scope in enumerate(scopes)}
    ceiling = Ceiling(principal="organization", scopes=frozenset(f"s{at}" for at in bound))
    reach = [one for grant in grants for one in reach_of_grant(grant, named)]
    kept = list(within_ceilings(reach, {"c": ceiling}, named))
    upper = [one for name in ceiling.scopes if name in named for one in reach_of_scope(named[name])]
    assert allowed(kept) <= allowed(upper)
    assert allowed(kept) <= allowed(reach)
    for one in set(reach) - set(kept):  # withheld whole, and rightly so
        assert not allowed([one]) <= allowed(upper)


@tried
@given(authorities, authorities)
def test_no_token_survives_a_change_that_takes_a_call_from_it(before, after):
    key = ("https://mcp.example", "read", "read")
    was, now = Access({key: before}, 300, DpopUse.OFF), Access({key: after}, 300, DpopUse.OFF)
    if not was.loses_to(now):
        assert allowed(before) <= allowed(after)
    assert not was.loses_to(was)


@tried
@given(authorities)
def test_a_scope_promises_only_what_holds_whatever_the_arguments(reach):
    servers = {"github": ToolServer(url="https://x.example", tools={"read": Tool(action=Action.READ)})}
    every = wire_scopes(reach, servers)
    free = any(not one.constraints for one in reach)
    assert promised(every, reach, servers) == (every if free else frozenset())
