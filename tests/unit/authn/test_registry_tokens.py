"""Claims of our own tokens that do not add up give nobody a role."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from leasehold.authn.registry_tokens import LEASE_CLAIM, PLATFORM_CLAIM, RegistryTokens
from leasehold.model.errors import Unauthenticated
from leasehold.model.leases import Ancestor, Lease, Node
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLATFORM = {"role": "viewer", "teams": [], "stack": None, "plan_only": False}
CLAIMS = {LEASE_CLAIM: {"id": "l1"}, PLATFORM_CLAIM: PLATFORM, "scope": "registry:read registry:write"}


class Verifier:
    def __init__(self, claims) -> None:
        self.claims = claims

    def verify(self, _token, profile, _now) -> VerifiedClaims:
        assert profile.audiences == {"https://us.example/v1"}
        assert profile.types == {"at+jwt"}
        assert profile.max_ttl == timedelta(seconds=300)
        return VerifiedClaims(
            issuer=profile.issuer,
            subject="oidc:alice",
            audience="https://us.example/v1",
            issued_at=NOW,
            expires_at=NOW + timedelta(minutes=5),
            token_id="l1",
            digest="",
            claims=self.claims,
        )


class States:
    """One lease, and the generations that are true now."""

    def __init__(self, leases, generations) -> None:
        self.held, self.known = leases, generations
        self.leases = self.nodes = self

    def read(self):
        return nullcontext(self)

    def find_all(self, ids):
        return {i: self.held[i] for i in ids if i in self.held}

    def generations(self, nodes):
        return {n: self.known[n] for n in nodes if n in self.known}


LEASE = Lease(
    id="l1",
    subject="oidc:alice",
    agent=None,
    deployment=None,
    binding="alice",
    audience="https://us.example/v1",
    scopes=frozenset(),
    ancestors=(Ancestor(Node("binding:alice"), 3),),
    token_sha256="",
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=5),
)
ALIVE = {"binding:alice": 3}


def tokens(claims=CLAIMS, leases=None, generations=ALIVE) -> RegistryTokens:
    return RegistryTokens(
        issuer="https://us.example",
        audience="https://us.example/v1",
        verifier=Verifier(claims),
        leases=States({"l1": LEASE} if leases is None else leases, generations),
    )


def test_a_live_lease_makes_a_principal():
    assert tokens().authenticate("t", NOW).id == "oidc:alice"


@pytest.mark.parametrize(
    "claims",
    [
        {LEASE_CLAIM: None},
        {LEASE_CLAIM: {}},
        {LEASE_CLAIM: {"id": 1}},
        {PLATFORM_CLAIM: None},
        {PLATFORM_CLAIM: {}},
        {PLATFORM_CLAIM: {**PLATFORM, "role": "root"}},
        {PLATFORM_CLAIM: {**PLATFORM, "teams": 1}},
    ],
    ids=repr,
)
def test_claims_that_do_not_add_up_are_refused(claims):
    with pytest.raises(Unauthenticated) as refused:
        tokens({**CLAIMS, **claims}).authenticate("t", NOW)
    assert refused.value.__cause__.flaw is Flaw.BAD_CLAIM


@pytest.mark.parametrize(
    ("leases", "generations"),
    [
        ({}, ALIVE),
        (None, {}),
        (None, {"binding:alice": 4}),
        (None, {"binding:alice": 2}),
        (None, {**ALIVE, "lease:l1": 1}),
    ],
)
def test_a_lease_that_does_not_live_makes_nobody(leases, generations):
    with pytest.raises(Unauthenticated) as refused:
        tokens(leases=leases, generations=generations).authenticate("t", NOW)
    assert isinstance(refused.value.__cause__, TokenRefused)
    assert refused.value.__cause__.flaw is Flaw.LEASE_ENDED


@pytest.mark.parametrize("scope", ["registry:read", "", "registry:writes", None])
def test_without_the_scope_to_write_a_principal_only_plans(scope):
    assert tokens({**CLAIMS, "scope": scope}).authenticate("t", NOW).plan_only


def test_a_plan_only_token_stays_so_whatever_its_scope():
    claims = {**CLAIMS, PLATFORM_CLAIM: {**PLATFORM, "plan_only": True}}

    assert tokens(claims).authenticate("t", NOW).plan_only
