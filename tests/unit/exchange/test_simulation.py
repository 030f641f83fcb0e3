"""What would this token get? Told to whoever may ask, without telling the token."""

import asyncio
import json

import pytest
from tests.fakes.exchange_world import World
from tests.fakes.simulated_issuer import SigningKey

from leasehold.exchange.simulation import Simulation, SimulationReport
from leasehold.keys.examination import SubjectExamination
from leasehold.keys.tokens import SubjectTokens
from leasehold.model.conditions import ClaimCondition
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, Owner
from leasehold.model.plain import plain_value
from leasehold.model.principal import Principal, Role
from leasehold.model.subjects import IssuerType, KubernetesSubject, OidcSubject
from leasehold.model.tokens import UnverifiedToken
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.platform import PlatformAction, decide_platform


def permit(role: Role, *teams: str) -> Permit:
    answer = decide_platform(
        Principal(id="oidc:somebody", role=role, teams=frozenset(teams)), PlatformAction.SIMULATE, "trust-issuers"
    )
    assert isinstance(answer, Permit)
    return answer


ADMIN = permit(Role.SECURITY_ADMIN)


def simulate(world: World, token: str, who: Permit = ADMIN) -> SimulationReport:
    examiner = SubjectExamination(SubjectTokens(world.issuer_keys), world.issuer_keys)
    return asyncio.run(Simulation(examiner, world.views).simulate(who, UnverifiedToken(token), world.now))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER])
def test_who_has_no_business_with_bindings_may_not_simulate(role):
    assert isinstance(decide_platform(Principal(id="x", role=role), PlatformAction.SIMULATE, "trust-issuers"), Deny)


def test_a_good_token_shows_the_binding_it_matches_and_the_pins_that_are_names(world):
    report = simulate(world, world.pod_token())

    assert (report.trust_issuer, report.issuer_type, report.flaws) == ("cluster", "kubernetes", ())
    assert report.signature
    assert report.audience
    assert report.time
    (binding,) = report.bindings
    assert (binding.name, binding.agent, binding.matches, binding.failed) == ("triage-pods", "triage", True, ())
    assert set(binding.mutable) == {"namespace", "service_account"}


def test_the_advice_is_to_pin_the_uid(world):
    world.bind(
        "triage-pods",
        trust_issuer="cluster",
        agent="triage",
        kubernetes=KubernetesSubject(namespace="shop", service_account="triage", service_account_uid="another"),
    )
    (binding,) = simulate(world, world.pod_token()).bindings

    assert binding.advice is None
    assert [(miss.claim, miss.expected) for miss in binding.failed] == [("service_account_uid", "another")]


def test_a_failed_condition_is_told_by_what_is_bound_and_by_shape(world):
    world.bind(
        "alice",
        trust_issuer="people",
        role=Role.VIEWER,
        oidc=OidcSubject(subject="00u1alice"),
        claims={
            "email": ClaimCondition(glob="alice@*.example"),
            "/address/country": ClaimCondition(exact="DE"),
            "email_verified": ClaimCondition(boolean=True),
            "level": ClaimCondition(number=2),
        },
    )
    (binding,) = simulate(world, world.people.token(level="2")).bindings
    told = {miss.claim: (miss.expected, miss.found) for miss in binding.failed}

    assert told == {
        "email": ({"glob": "alice@*.example"}, "another text of 17 characters"),
        "/address/country": ({"exact": "DE"}, "absent"),
        "level": ({"number": 2}, "another text of 1 characters"),
    }


def test_every_flaw_is_told_not_the_first_alone(world):
    token = world.people.token(aud="https://other.example")
    world.later(hours=1)
    report = simulate(world, token)

    assert report.signature
    assert not report.audience
    assert not report.time
    assert set(report.flaws) == {"wrong_audience", "expired"}
    assert report.bindings[0].matches


def test_of_claims_that_nobody_vouches_for_nothing_is_told(world):
    published = world.cluster.keys[0].kid
    world.cluster.keys = [SigningKey.new()]
    world.cluster.keys[0].kid = published
    report = simulate(world, world.pod_token())

    assert (report.trust_issuer, report.signature, report.flaws, report.bindings) == (
        "cluster",
        False,
        ("bad_signature",),
        (),
    )


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30", "{}", "\x00"])
def test_what_is_no_token_is_told_so(world, token):
    report = simulate(world, token)

    assert report.trust_issuer is None
    assert report.flaws


def test_an_issuer_that_nobody_trusts_is_told_so(world):
    assert simulate(world, world.people.token(iss="https://evil.example")).flaws == ("unknown_issuer",)


def test_claims_that_are_not_of_the_kind_are_a_flaw(world):
    report = simulate(world, world.github.token(event_name="pull_request_target"))

    assert (report.signature, report.flaws, report.bindings) == (True, ("event_refused",), ())


def test_a_developer_sees_the_bindings_of_their_agents_and_no_others(world):
    world.put(Kind.OWNERS, "bob", Owner(display_name="Bob", email="bob@example.com", team="payments"))
    with world.store.read() as unit:
        review_by = unit.objects.find(Kind.AGENTS, "triage").spec.review_by
    world.put(Kind.AGENTS, "payer", Agent(owner="bob", review_by=review_by))
    world.bind(
        "payer-pods",
        trust_issuer="cluster",
        agent="payer",
        kubernetes=KubernetesSubject(namespace="payments", service_account="payer", any_uid=True),
    )
    token = world.pod_token()

    assert [one.name for one in simulate(world, token).bindings] == ["payer-pods", "triage-pods"]
    assert [one.name for one in simulate(world, token, permit(Role.AUDITOR)).bindings] == ["payer-pods", "triage-pods"]
    assert [one.name for one in simulate(world, token, permit(Role.DEVELOPER, "shop")).bindings] == ["triage-pods"]
    assert [one.name for one in simulate(world, token, permit(Role.DEVELOPER, "x")).bindings] == []
    assert simulate(world, world.people.token(), permit(Role.DEVELOPER, "shop")).bindings == ()


def test_nothing_of_the_token_is_told_or_kept(world, caplog):
    token = world.github.token(actor="a-very-secret-actor", job_workflow_ref="acme/web/unseen-branch.yml@x")
    before = world.events()
    told = json.dumps(plain_value(simulate(world, token)))

    assert "refs/heads/main" in told  # what is bound
    for secret in (*token.split("."), "a-very-secret-actor", "unseen-branch"):
        assert secret not in told
        assert secret not in caplog.text
    assert world.events() == before


def test_a_simulated_token_is_not_used_up(world):
    world.trust("people", world.people, IssuerType.OIDC, algorithms=frozenset({"ES256"}), single_use=True)
    token = world.people.token()
    simulate(world, token)

    assert world.get(token, "https://leasehold.example/v1").lease


def test_a_binding_of_an_issuer_that_changed_its_kind_is_told_to_miss_by_kind(world):
    world.trust("people", world.people, IssuerType.SPIFFE, algorithms=frozenset({"ES256"}))
    report = simulate(world, world.people.token(sub="spiffe://acme.example/shop/triage"))

    assert [(miss.claim, miss.found) for miss in report.bindings[0].failed] == [("oidc", "absent")]
