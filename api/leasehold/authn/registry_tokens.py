"""Our own access tokens as credentials: what they say, and whether the lease behind them still lives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.authn.ports import LeaseReader, LeaseStates, OwnTokenVerifier
from leasehold.model.errors import Unauthenticated
from leasehold.model.leases import Lease, Node, is_alive, lease_node
from leasehold.model.people import TTL_MAX_SECONDS
from leasehold.model.principal import Principal, Role
from leasehold.model.tokens import (
    ACCESS_TOKEN_TYPE,
    Flaw,
    TokenProfile,
    TokenRefused,
    UnverifiedToken,
    VerifiedClaims,
)

LEASE_CLAIM = "urn:leasehold:lease"
PLATFORM_CLAIM = "urn:leasehold:platform"
REGISTRY_WRITE = "registry:write"
_REQUIRED = frozenset({"iss", "sub", "aud", "client_id", "iat", "exp", "jti", LEASE_CLAIM})  # RFC 9068 §2.2
_REFUSED = "the bearer token was not accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryTokens:
    """Authenticates callers of the control plane. `audience` is `<issuer>/v1`."""

    issuer: str
    audience: str
    verifier: OwnTokenVerifier
    leases: LeaseReader

    def authenticate(self, token: str, now: datetime, key: str | None = None) -> Principal:
        """Who presents this token, having proved to hold `key`.

        Raises `Unauthenticated`, whatever is wrong with it; `Unavailable`.
        """
        try:
            principal, lease_id = self.verify(token, now, key)
        except TokenRefused as refused:
            raise Unauthenticated(_REFUSED) from refused
        with self.leases.read() as states:
            alive = lease_id in live_leases(states, (lease_id,), now)
        if not alive:
            raise Unauthenticated(_REFUSED) from TokenRefused(Flaw.LEASE_ENDED)
        return principal

    def verify(self, token: str, now: datetime, key: str | None = None) -> tuple[Principal, str]:
        """The principal and the lease that the token names, whether or not that lives. Raises `TokenRefused`."""
        profile = own_profile(self.issuer, frozenset({self.audience}))
        verified = self.verifier.verify(UnverifiedToken(token), profile, now)
        check_holder(verified, key)
        lease_id = lease_id_of(verified)
        return _principal(verified, lease_id), lease_id


def own_profile(issuer: str, audiences: frozenset[str] | None) -> TokenProfile:
    """What one of our access tokens must be."""
    return TokenProfile(
        issuer=issuer,
        audiences=audiences,
        algorithms=frozenset({"ES256"}),
        types=frozenset({ACCESS_TOKEN_TYPE}),
        required=_REQUIRED,
        max_ttl=timedelta(seconds=TTL_MAX_SECONDS),
    )


def bound_key(verified: VerifiedClaims) -> str | None:
    """The thumbprint of the key that a token is bound to (RFC 9449 §6.1), if it is. Raises `TokenRefused`."""
    confirmation = verified.claims.get("cnf")
    if confirmation is None:
        return None
    key = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    if not isinstance(key, str):  # bound in a way that we do not know: nobody can prove it here
        raise TokenRefused(Flaw.BAD_CLAIM)
    return key


def check_holder(verified: VerifiedClaims, key: str | None) -> None:
    """A bound token needs its key, and a bearer token none. Raises `TokenRefused`."""
    # RFC 9449 §7.1, §7.2: neither is accepted in the way of the other.
    if bound_key(verified) != key:
        raise TokenRefused(Flaw.BAD_CLAIM)


def lease_id_of(verified: VerifiedClaims) -> str:
    """The lease behind a verified token of ours. Raises `TokenRefused`."""
    lease = verified.claims.get(LEASE_CLAIM)
    lease_id = lease.get("id") if isinstance(lease, dict) else None
    if not isinstance(lease_id, str):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return lease_id


def live_leases(states: LeaseStates, lease_ids: Iterable[str], now: datetime) -> Mapping[str, Lease]:
    """Those of the leases that live: not revoked, not expired, every ancestor of the generation of their issue."""
    leases = states.leases.find_all(lease_ids)
    nodes = {a.node for lease in leases.values() for a in lease.ancestors} | {lease_node(i) for i in leases}
    generations = states.nodes.generations(nodes)
    return {i: lease for i, lease in leases.items() if lives(lease, generations, now)}


def lives(lease: Lease, generations: Mapping[Node, int], now: datetime) -> bool:
    """True iff a lease lives. `generations` must hold every ancestor that exists, and the lease's own node."""
    # A lease's own node is written only to end it.
    return lease_node(lease.id) not in generations and is_alive(lease, generations, now)


def _principal(verified: VerifiedClaims, lease_id: str) -> Principal:
    platform = verified.claims.get(PLATFORM_CLAIM)
    if not isinstance(platform, dict):  # an agent's token, whatever its audience
        raise TokenRefused(Flaw.BAD_CLAIM)
    try:
        return Principal(
            id=verified.subject,
            role=Role(platform["role"]),
            teams=frozenset(platform["teams"]),
            stack=platform["stack"],
            may_admit=platform.get("may_admit") is True,
            plan_only=platform["plan_only"] or REGISTRY_WRITE not in str(verified.claims.get("scope", "")).split(),
            lease=lease_id,
        )
    except (KeyError, TypeError, ValueError):
        raise TokenRefused(Flaw.BAD_CLAIM) from None
