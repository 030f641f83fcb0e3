"""What holds whatever is granted, published and asked: no grant, no permit; a forbid wins; log-only never decides."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.decision_world import ANA, BOB, GRANTS, TRIAGE, agent_policy, call, facts, held, refund, user_policy

from leasehold.model.authority.order import Call, allows
from leasehold.model.policies import PolicyMode, PolicyPermits, PolicySide
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.deciding import decision_on
from leasehold.policy.publishing import publish

LAW = settings(max_examples=60, deadline=None, derandomize=True)
SCOPES = ('action in Action::"*", resource', 'action == Action::"warehouse/query", resource',
          'action in Action::"write", resource', 'action in Action::"read", resource is db')  # fmt: skip
CONDITIONS = ("true", "context.depth > 1", 'context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8"))',
              "context has oauth", "context.weekday == 1")  # fmt: skip

scopes, conditions, modes = st.sampled_from(SCOPES), st.sampled_from(CONDITIONS), st.sampled_from(PolicyMode)
effects = st.sampled_from(("permit", "forbid"))
policies = st.lists(st.tuples(effects, scopes, conditions, st.sampled_from(PolicySide), modes), max_size=5)
grants = st.lists(st.sampled_from(GRANTS), unique_by=lambda one: one[-1])
calls = st.builds(
    lambda make, depth, source, user: make(chain=("a",) * depth, source=source, user=user),
    st.sampled_from((call, lambda **more: refund(10, **more), lambda **more: refund(60, **more))),
    st.integers(0, 3),
    st.sampled_from((None, "10.0.0.1", "8.8.8.8")),
    st.sampled_from((None, ANA, BOB)),
)


def texts(drawn):
    make = {PolicySide.AGENT: agent_policy, PolicySide.USER: user_policy}
    return [
        make[side](f"{effect} (principal, {scope}) when {{ {condition} }};", f"d{at}", mode=mode)
        for at, (effect, scope, condition, side, mode) in enumerate(drawn)
    ]


@LAW
@given(policies, grants, calls)
def test_no_grant_no_permit(drawn, held_by_agent, request):
    version = publish(texts(drawn), facts(grants=held(TRIAGE, *held_by_agent)))
    reach = [one.reach for one in held(TRIAGE, *held_by_agent)]
    server, tool = request.action.split("/")
    granted = allows(reach, Call(server, tool, str(request.resource.ref), request.arguments))
    assert granted or not decision_on(request, version).allowed


@LAW
@given(policies, calls, scopes, conditions, st.sampled_from(PolicySide))
def test_adding_a_forbid_never_allows(drawn, request, scope, condition, side):
    before = publish(texts(drawn), facts())
    more = texts([*drawn, ("forbid", scope, condition, side, PolicyMode.ENFORCE)])
    after = publish(more, facts())
    assert decision_on(request, before).allowed or not decision_on(request, after).allowed


@LAW
@given(policies, calls)
def test_a_forbid_that_holds_wins_over_everything(drawn, request):
    forbid = agent_policy("forbid (principal, action, resource);", "last")
    beyond = agent_policy(
        'permit (principal, action in Action::"*", resource);', "open", permits=PolicyPermits.BEYOND_GRANTS
    )
    assert not decision_on(request, publish([*texts(drawn), beyond, forbid], facts())).allowed


@LAW
@given(policies, policies, calls)
def test_log_only_never_changes_the_decision_and_says_what_enforcing_would(drawn, others, request):
    tried = [(effect, scope, condition, side, PolicyMode.LOG_ONLY) for effect, scope, condition, side, _ in others]
    enforced = [(effect, scope, condition, side, PolicyMode.ENFORCE) for effect, scope, condition, side, _ in others]
    drawn = [(effect, scope, condition, side, PolicyMode.ENFORCE) for effect, scope, condition, side, _ in drawn]
    plain = decision_on(request, publish(texts(drawn), facts()))
    logged = decision_on(request, publish(texts([*drawn, *tried]), facts()))
    real = decision_on(request, publish(texts([*drawn, *enforced]), facts()))
    assert logged.allowed is plain.allowed
    assert logged.would_flip is (real.allowed is not plain.allowed)


@LAW
@given(policies, calls)
def test_every_engine_decides_the_same(drawn, request):
    versions = [publish(texts(drawn), facts(), engine_named(name)) for name in ("compiled", "cedarpy", "shadow")]
    first, *others = [decision_on(request, version) for version in versions]
    assert [first, first] == others


@LAW
@given(policies, calls)
def test_an_agent_for_a_person_may_no_more_than_either(drawn, request):
    version = publish(texts(drawn), facts())
    decision = decision_on(request, version)
    assert decision.allowed is all(side.allowed for side in decision.sides)
    assert len(decision.sides) == 1 + (request.user is not None)
