"""Policies and tokens: what every call would be denied is in none, and a lease dies with the policies it rests on."""

import jwt
import pytest
from tests.fakes.delegation_world import BOTH, READ, Family
from tests.fakes.exchange_world import CREDENTIALS, OTHER_TOOLS, REGISTRY_AUDIENCE

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.credentials import CredentialProfile, Federation
from leasehold.model.errors import Unavailable
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.leases import MANY_POLICIES, POLICIES, policies_node, policy_node
from leasehold.model.policies import Policy, PolicyMode, PolicyPermits, PolicySide
from leasehold.policy.shares import MAX_POLICIES

COMMENTS = 'forbid(principal, action == Action::"github/comment", resource)'
TO_COME = [POLICIES, policies_node("github")]
READS_ONLY = 'permit(principal, action in [Action::"github/read_file", Action::"github/comment"], resource)'


def put(world, name, document, **more) -> None:
    more = {"side": PolicySide.AGENT, "mode": PolicyMode.ENFORCE, **more}
    world.put(Kind.POLICIES, name, Policy(document=document, **more))


def tools(issued) -> set[str]:
    claims = jwt.decode(issued.access_token, options={"verify_signature": False})
    return {action for detail in claims["authorization_details"] for action in detail["actions"]}


def policies_of(issued) -> list[str]:
    return [one.node for one in issued.lease.ancestors if one.node.startswith("polic")]


def reason(world, **options) -> str:
    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.pod_token(), **options)
    return refused.value.reason.value


def test_without_policies_a_token_hangs_on_those_to_come(world):
    issued = world.get(world.pod_token())

    assert tools(issued) == {"read_file", "comment"}
    assert policies_of(issued) == TO_COME


def test_what_is_forbidden_whatever_the_call_is_in_no_token(world):
    put(world, "guards", f"{COMMENTS};")
    issued = world.get(world.pod_token())

    assert tools(issued) == {"read_file"}
    assert issued.lease.scopes == READ
    assert reason(world, scopes=BOTH) == "scope_exceeded"  # never less than was asked for, unsaid
    assert policies_of(issued) == TO_COME  # it has no say on what is left


def test_policies_to_come_end_nothing_that_they_cannot_speak_of(world):
    """Credentials of other systems, and whatever is of another tool server than the one that they name."""
    jira = Grant(agent="triage", tool_server="jira", tools=frozenset({"search"}), resources=frozenset({"project:web"}))
    world.put(Kind.GRANTS, jira.id, jira)
    federation = Federation(audience="https://vault.example")
    world.put(Kind.CREDENTIAL_PROFILES, "vault", CredentialProfile(agents=frozenset({"triage"}), federation=federation))
    github, other = world.get(world.pod_token()), world.get(world.pod_token(), OTHER_TOOLS)
    drawing = world.get(world.pod_token(), CREDENTIALS)
    assert policies_of(drawing) == []

    def alive():
        return [world.introspect(one.access_token)["active"] for one in (github, other, drawing)]

    world.bump(policies_node("github"))
    assert alive() == [False, True, True]
    world.bump(POLICIES)
    assert alive() == [False, False, True]


def test_nothing_left_is_no_token(world):
    put(world, "guards", "forbid(principal, action, resource);")

    assert reason(world) == "nothing_granted"


@pytest.mark.parametrize(
    "condition",
    [
        'when { context.input.path == "x" }',
        'when { resource == repo::"web" }',
        "when { context has source_ip }",
        "unless { context has deployment }",
        'when { context has oauth && context.oauth.scopes.contains("x") }',
        "when { context.weekday == 7 }",
    ],
)  # fmt: skip
def test_what_only_a_call_or_the_token_tells_cuts_nothing_and_the_policy_is_named(world, condition):
    put(world, "guards", f"{COMMENTS} {condition};")
    issued = world.get(world.pod_token())

    assert tools(issued) == {"read_file", "comment"}
    assert policies_of(issued) == [*TO_COME, policy_node("guards")]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ('when { principal in Role::"nobody" }', {"read_file", "comment"}),
        ('when { principal == agent::"triage" }', {"read_file"}),
        ("when { context.depth == 0 }", {"read_file"}),
        ("when { context.depth > 0 }", {"read_file", "comment"}),
        ('when { context.tool.action == "write" }', {"read_file"}),
    ],
)  # fmt: skip
def test_what_is_known_before_there_is_a_token_counts(world, condition, left):
    put(world, "guards", f"{COMMENTS} {condition};")

    assert tools(world.get(world.pod_token())) == left


def test_a_permit_says_when_a_grant_holds_and_never_grants(world):
    put(world, "conditions", f'{READS_ONLY} when {{ principal == agent::"another" }};')
    assert reason(world) == "nothing_granted"

    put(world, "conditions", f"{READS_ONLY};")
    assert tools(world.get(world.pod_token())) == {"read_file", "comment"}

    beyond = 'permit(principal, action == Action::"github/delete_branch", resource);'
    put(world, "beyond", beyond, permits=PolicyPermits.BEYOND_GRANTS)
    assert tools(world.get(world.pod_token())) == {"read_file", "comment"}


def test_a_token_names_the_policies_with_a_say_on_its_tools_and_no_others(world):
    jira = Grant(agent="triage", tool_server="jira", tools=frozenset({"search"}), resources=frozenset({"project:web"}))
    world.put(Kind.GRANTS, jira.id, jira)
    open_end = "when { context has source_ip };"
    put(world, "of-comments", f"{COMMENTS} {open_end}")
    put(world, "of-jira", f'forbid(principal, action == Action::"jira/search", resource) {open_end}')
    put(world, "of-all", f"forbid(principal, action, resource) {open_end}")
    put(world, "of-another", f'forbid(principal == agent::"other", action, resource) {open_end}')
    put(world, "only-logged", f"{COMMENTS};", mode=PolicyMode.LOG_ONLY)
    put(world, "of-people", f"{COMMENTS};", side=PolicySide.USER)

    every = [*TO_COME, policy_node("of-all")]
    assert policies_of(world.get(world.pod_token())) == [*every, policy_node("of-comments")]
    assert policies_of(world.get(world.pod_token(), scopes=READ)) == every
    assert policies_of(world.get(world.pod_token(), OTHER_TOOLS)) == [
        POLICIES,
        policies_node("jira"),
        policy_node("of-all"),
        policy_node("of-jira"),
    ]


def test_a_token_grows_by_a_bounded_number_of_policies(world):
    for number in range(MAX_POLICIES):
        put(world, f"p{number}", f"{COMMENTS} when {{ context has source_ip }};")
    assert len(policies_of(world.get(world.pod_token()))) == len(TO_COME) + MAX_POLICIES

    put(world, "one-more", f"{COMMENTS} when {{ context has source_ip }};")
    assert policies_of(world.get(world.pod_token())) == [*TO_COME, MANY_POLICIES]
    with world.store.read() as unit:
        assert unit.nodes.generations((MANY_POLICIES,))  # so that revoking any of them knows


def test_a_revoked_policy_ends_what_rests_on_it_and_nothing_else(world):
    jira = Grant(agent="triage", tool_server="jira", tools=frozenset({"search"}), resources=frozenset({"project:web"}))
    world.put(Kind.GRANTS, jira.id, jira)
    put(world, "guards", f"{COMMENTS} when {{ context has source_ip }};")
    under, reads = world.get(world.pod_token()), world.get(world.pod_token(), scopes=READ)
    elsewhere = world.get(world.pod_token(), OTHER_TOOLS)

    world.bump(policy_node("guards"))

    alive = [world.introspect(one.access_token)["active"] for one in (under, reads, elsewhere)]
    assert alive == [False, True, True]


def test_a_policy_taken_back_widens_no_token_that_is_there(world):
    put(world, "guards", f"{COMMENTS};")
    narrow = world.get(world.pod_token())
    world.delete(Kind.POLICIES, "guards")

    assert tools(narrow) == {"read_file"}
    assert "comment" not in str(world.introspect(narrow.access_token))
    assert tools(world.get(world.pod_token())) == {"read_file", "comment"}  # a new decision, under what stands now


@pytest.mark.parametrize("node", [POLICIES, policies_node("github"), policy_node("guards")])
def test_a_policy_that_is_tightened_while_a_token_is_being_signed_counts(world, node):
    """The token that was decided on before is born dead, and another is decided on."""
    put(world, "guards", f"{COMMENTS} when {{ context has source_ip }};")
    world.get(world.pod_token())  # everything is known

    def tighten():
        world.mint.meanwhile = lambda: None
        put(world, "guards", f"{COMMENTS};")
        world.bump(node)

    world.mint.meanwhile = tighten
    assert tools(world.get(world.pod_token())) == {"read_file"}


def test_a_child_is_judged_beneath_its_parents(world):
    family = Family(world)
    put(world, "depth", f"{COMMENTS} when {{ context.depth > 0 }};")
    put(world, "chain", 'forbid(principal, action, resource) when { context.chain.contains("coder") };')
    parent = family.own("triage")

    assert tools(world.get(world.pod_token())) == {"read_file", "comment"}
    with pytest.raises(ExchangeRefused):
        family.spawn(parent, "coder", scopes=frozenset({"mcp:tool:comment:write"}))
    child = family.spawn(parent, "coder", scopes=READ)
    assert {policy_node("depth"), policy_node("chain")} <= set(policies_of(child))
    with pytest.raises(ExchangeRefused):
        family.spawn(child.access_token, "tester", scopes=READ)  # `coder` is above it


def test_policies_that_nobody_can_read_let_nothing_out(world):
    put(world, "broken", "forbid(principal, action, resource) when {")
    assert reason(world) == "nothing_granted"


def test_while_nobody_knows_what_policies_say_nothing_is_issued(world):
    put(world, "guards", f"{COMMENTS};")
    world.views._policies._current.look = _unreadable
    with pytest.raises(Unavailable):
        world.get(world.pod_token())
    assert world.get(world.people.token(), REGISTRY_AUDIENCE).lease.binding == "alice"


def _unreadable():
    raise KeyError("an attribute that contradicts itself")
