"""Reach and ceilings, decided by the provider while planning and by the registry when writing: one verdict."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from leasehold.model import access as registry
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.ceilings import first_excess
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.people import Agent, Owner
from leasehold.model.plain import plain
from leasehold.model.tools import Scope
from leasehold_provider import access as planned

SERVERS = st.sampled_from(["github", "gitlab"])
TOOLS = st.frozensets(st.sampled_from(["read", "write", "*"]), min_size=1, max_size=2)
RESOURCES = st.frozensets(
    st.sampled_from(["repo:web", "repo:api", "repo:*", "repo:w*", "org:acme"]), min_size=1, max_size=3
)
AMOUNTS = st.sampled_from(
    [
        ArgumentConstraint(max=50),
        ArgumentConstraint(min=0, max=9),
        ArgumentConstraint(min=9, max=50),
        ArgumentConstraint(numbers=frozenset({1, 9.0})),
        ArgumentConstraint(prefixes=frozenset("ab")),
        ArgumentConstraint(globs=frozenset({"a*", "*b"})),
        ArgumentConstraint(one_of=frozenset({"ab", "9"})),
        ArgumentConstraint(boolean=True),
    ]
)
SOME = st.dictionaries(st.sampled_from(["x", "y"]), AMOUNTS, max_size=2)
WILD = {"allow_wildcard": True, "justification": "a test"}
SCOPES = st.dictionaries(
    st.sampled_from(["s1", "s2", "s3"]),
    st.builds(
        lambda t, tt, r, c: Scope(tool_server=t, tools=tt, resources=r, constraints=c, **WILD),
        SERVERS,
        TOOLS,
        RESOURCES,
        SOME,
    ),
)
DIRECT = st.builds(
    lambda t, tt, r, c: Grant(agent="a", tool_server=t, tools=tt, resources=r, constraints=c, **WILD),
    SERVERS,
    TOOLS,
    RESOURCES,
    SOME,
)
SCOPED = st.builds(
    lambda s, r, c: Grant(agent="a", scope=s, resources=r, constraints=c, **WILD),
    st.sampled_from(["s1", "s2", "s3"]),
    st.one_of(st.just(frozenset()), RESOURCES),
    SOME,
)
CEILINGS = st.frozensets(st.sampled_from(["s1", "s2", "s3"]), max_size=3)


@given(st.one_of(DIRECT, SCOPED), SCOPES, CEILINGS)
def test_provider_and_registry_find_the_same_excess(grant, scopes, allowed):
    ceiling = Ceiling(principal="organization", scopes=allowed)
    theirs = first_excess(registry.reach_of_grant(grant, scopes), {"c": ceiling}, scopes)

    plain_scopes = {name: plain(scope) for name, scope in scopes.items()}
    reach = planned.reach_of_grant(plain(grant), plain_scopes.get(grant.scope))
    upper = [one for name in sorted(allowed) if name in scopes for one in planned.reach_of_scope(plain_scopes[name])]
    ours = planned.first_excess(reach, upper)

    expected = None if theirs is None else (theirs.reach.tool_server, theirs.reach.tool, theirs.reach.resource)
    assert (None if ours is None else ours[:3]) == expected
    named = None if theirs is None else [name for name, _ in theirs.reach.constraints]
    assert (None if ours is None else [name for name, _ in ours[3]]) == named


@given(
    st.sampled_from(["organization", "agent:a", "agent:b", "team:t", "team:u", "environment:prod", "environment:dev"]),
    st.sampled_from(["", "prod"]),
)
def test_provider_and_registry_agree_on_whom_a_ceiling_bounds(principal, environment):
    ceiling = Ceiling(principal=principal, scopes=frozenset())
    agent = Agent(owner="o", review_by=date(2027, 1, 1), environment=environment)
    owner = Owner(display_name="O", email="o@example.com", team="t")
    theirs = registry.applies(ceiling, agent_name="a", agent=agent, owner=owner)
    ours = planned.applies(plain(ceiling), agent_name="a", agent=plain(agent), owner=plain(owner))
    assert ours is theirs
