"""From claims to a subject, and from a subject to the bindings that name it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.exchange_world import GITHUB_PINS, KUBERNETES_PINS
from tests.fakes.simulated_issuer import SimulatedIssuer, pull_request

from leasehold.authn import github_actions, kubernetes, oidc
from leasehold.authn.subjects import Subject, authenticate_subject, is_named_by, profile_of
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedClaims, VerifiedClaims
from leasehold.model.trust import GitHubActionsSubject, IssuerType, OidcSubject, TrustIssuer, WorkloadBinding

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KUBERNETES, GITHUB, PEOPLE = (
    make(clock=lambda: NOW, keys=[])
    for make in (SimulatedIssuer.kubernetes, SimulatedIssuer.github, SimulatedIssuer.oidc)
)


def verified(claims) -> VerifiedClaims:
    return VerifiedClaims(
        issuer=claims["iss"],
        subject=claims["sub"],
        audience="a",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
        token_id=claims["jti"],
        digest="",
        claims=claims,
    )


def flaw(identify, claims) -> Flaw:
    with pytest.raises(TokenRefused) as refused:
        identify(verified(claims))
    return refused.value.flaw


def kubernetes_claims(**private):
    claims = KUBERNETES.claims()
    merged = {**claims["kubernetes.io"], **private}
    return {**claims, "kubernetes.io": {k: v for k, v in merged.items() if v is not None}}


def test_a_projected_token_speaks_for_its_account_and_pod():
    identity = kubernetes.identify(verified(KUBERNETES.claims()))

    assert (identity.namespace, identity.service_account, identity.pod) == ("shop", "triage", "triage-7d9c")
    assert len(identity.service_account_uid) == 36


def test_a_token_of_an_account_alone_has_no_pod():
    assert kubernetes.identify(verified(kubernetes_claims(pod=None))).pod is None


@pytest.mark.parametrize(
    "private",
    [
        {"namespace": None},
        {"namespace": ""},
        {"namespace": 1},
        {"namespace": "other"},
        {"serviceaccount": None},
        {"serviceaccount": {}},
        {"serviceaccount": []},
        {"serviceaccount": {"name": "other", "uid": "u"}},
        {"serviceaccount": {"name": "triage"}},
        {"serviceaccount": {"name": "triage", "uid": "\n"}},
        {"pod": "text"},
        {"pod": {}},
    ],
    ids=repr,
)
def test_kubernetes_claims_that_do_not_agree_are_refused(private):
    assert flaw(kubernetes.identify, kubernetes_claims(**private)) is Flaw.BAD_CLAIM


def test_a_token_without_the_kubernetes_claim_is_refused():
    assert flaw(kubernetes.identify, PEOPLE.claims()) is Flaw.BAD_CLAIM


def test_a_run_speaks_for_its_repository_and_workflow():
    identity = github_actions.identify(verified(GITHUB.claims()))

    assert (identity.repository, identity.repository_id, identity.environment) == ("acme/web", "99017", None)
    assert not identity.proposes


@pytest.mark.parametrize(
    "claim",
    ["event_name", "ref", "repository", "repository_id", "repository_owner_id", "job_workflow_ref", "run_id"],
)
@pytest.mark.parametrize("value", [None, "", 1, "\x00"], ids=repr)
def test_a_run_without_one_of_its_claims_is_refused(claim, value):
    assert flaw(github_actions.identify, GITHUB.claims(**{claim: value})) is Flaw.BAD_CLAIM


@pytest.mark.parametrize(
    ("changes", "proposes"),
    [
        ({}, False),
        ({"event_name": "workflow_dispatch"}, False),
        ({"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/main/pr-1"}, False),
        (pull_request(), True),
        ({"event_name": "pull_request_review"}, True),
        ({"event_name": "pull_request_review_comment"}, True),
        ({"event_name": "issue_comment", "ref": "refs/pull/7/merge"}, True),
        ({"event_name": "push", "ref": "refs/pull/7/head"}, True),
    ],
)
def test_a_run_of_unmerged_code_is_known_as_such(changes, proposes):
    assert github_actions.identify(verified(GITHUB.claims(**changes))).proposes is proposes


PINS = GitHubActionsSubject(
    repository_id="99017",
    repository_owner_id="4211",
    job_workflow_ref="acme/web/.github/workflows/deploy.yml@refs/heads/main",
    environment="prod",
    ref="refs/heads/main",
)


def github_matches(pins, **changes) -> bool:
    return not github_actions.unmet(pins, github_actions.identify(verified(GITHUB.claims(**changes))))


def test_every_pin_of_a_run_must_hold():
    assert github_matches(PINS, environment="prod")
    assert github_matches(replace(PINS, environment=None))
    assert github_matches(replace(PINS, environment=None, job_workflow_ref=None), job_workflow_ref="x/y.yml@z")


@pytest.mark.parametrize(
    "change",
    [
        {"repository_id": "1"},
        {"repository_owner_id": "1"},
        {"job_workflow_ref": "acme/web/.github/workflows/deploy.yml@refs/heads/other"},
        {"job_workflow_ref": "acme/web/.github/workflows/evil.yml@refs/heads/main"},
        {"environment": "prod2"},
        {"environment": None},
        {"ref": "refs/heads/Main"},
        {"ref": "refs/tags/main"},
    ],
    ids=repr,
)
def test_a_run_that_misses_one_pin_is_another(change):
    assert not github_matches(PINS, **{"environment": "prod", **change})


def test_a_proposing_run_is_matched_by_ids_and_the_path_of_its_workflow():
    assert github_matches(PINS, **pull_request())
    assert github_matches(replace(PINS, job_workflow_ref=None), **pull_request())
    for change in (
        {"repository_id": "1"},
        {"repository_owner_id": "1"},
        {"job_workflow_ref": "acme/web/.github/workflows/evil.yml@refs/pull/12/merge"},
    ):
        assert not github_matches(PINS, **{**pull_request(), **change})


def test_the_name_of_a_repository_counts_for_nothing():
    assert github_matches(PINS, environment="prod", repository="evil/other", sub="repo:evil/other:ref:x")


def subject(identity, trust_issuer="issuer") -> Subject:
    return Subject(trust_issuer=trust_issuer, single_use=False, verified=verified(PEOPLE.claims()), identity=identity)


IDENTITIES = {
    "kubernetes": kubernetes.identify(verified(KUBERNETES.claims())),
    "github_actions": github_actions.identify(verified(GITHUB.claims())),
    "oidc": oidc.identify(verified(PEOPLE.claims())),
}
ALL_PINS = {"kubernetes": KUBERNETES_PINS, "github_actions": GITHUB_PINS, "oidc": OidcSubject(subject="00u1alice")}


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize("pins", ALL_PINS)
def test_a_binding_names_subjects_of_its_own_kind_alone(identity, pins):
    binding = WorkloadBinding(trust_issuer="issuer", agent="triage", **{pins: ALL_PINS[pins]})

    assert is_named_by(binding, subject(IDENTITIES[identity])) is (identity == pins)


def test_a_binding_names_subjects_of_its_own_issuer_alone():
    binding = WorkloadBinding(trust_issuer="issuer", agent="triage", oidc=ALL_PINS["oidc"])

    assert not is_named_by(binding, subject(IDENTITIES["oidc"], "another"))


@pytest.mark.parametrize("sub", ["00u1Alice", "00u1alice ", "00u1", ""])
def test_an_oidc_subject_is_compared_to_the_letter(sub):
    assert oidc.unmet(OidcSubject(subject="00u1alice"), oidc.OidcIdentity(subject=sub))


class Verifier:
    """Has verified already."""

    def __init__(self, claims) -> None:
        self.claims = claims

    def read(self, _token) -> UnverifiedClaims:
        return UnverifiedClaims(issuer=self.claims["iss"], parts=None)

    async def verify(self, _token, issuer, profile, now) -> VerifiedClaims:
        assert (issuer.issuer, profile, now) == (self.claims["iss"], profile_of(issuer), NOW)
        return verified(self.claims)


@pytest.mark.parametrize(
    ("kind", "issuer"),
    [(IssuerType.KUBERNETES, KUBERNETES), (IssuerType.GITHUB_ACTIONS, GITHUB), (IssuerType.OIDC, PEOPLE)],
)
def test_each_kind_of_issuer_identifies_its_own_way(kind, issuer):
    spec = TrustIssuer(type=kind, issuer=issuer.url, audiences=frozenset({"a"}), single_use=True)
    issuers = {issuer.url: [("name", spec)]}
    found = asyncio.run(authenticate_subject("t", issuers, Verifier(issuer.claims()), NOW))

    assert (found.trust_issuer, found.single_use, found.proposes) == ("name", True, False)
    assert found.identity in IDENTITIES.values()


def test_what_is_asked_of_a_subject_token():
    spec = TrustIssuer(type=IssuerType.OIDC, issuer="https://x.example", audiences=frozenset({"a"}), max_token_ttl=60)
    profile = profile_of(spec)

    assert profile.types == {"", "jwt"}
    assert profile.max_ttl == timedelta(seconds=60)
    assert {"iss", "sub", "aud", "iat", "exp"} <= profile.required
