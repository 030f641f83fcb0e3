"""Who calls: a token for this very tool server, known by its digest, and asked at each use whether it still lives.

INVARIANT: what is kept is that a signature was good. Expiry, revocation and the age of what is known of revocations
are looked at every time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from leasehold.authn.ports import OwnTokenVerifier
from leasehold.authn.registry_tokens import bound_key, own_profile
from leasehold.decisions.calling import CallerFacts, facts_of
from leasehold.model.leases import lease_node
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken, VerifiedClaims
from leasehold.verify.access import LEASE_CLAIM, AccessToken
from leasehold.verify.known import Known

MANY = 20_000
_LEEWAY_SECONDS = 30.0


class Life(Enum):
    """What is known of whether a caller's token lives."""

    LIVES = auto()
    EXPIRED = auto()
    REVOKED = auto()
    NOT_KNOWN = auto()


@dataclass(frozen=True, slots=True)
class Caller:
    """One agent, for one person or for itself, on one tool server, as its token says. `key`: that it is bound to."""

    server: str
    facts: CallerFacts
    token: AccessToken
    key: str | None
    listed: dict[str, tuple[tuple[str, int], bool]] = field(default_factory=dict, repr=False, compare=False)
    """Whether a tool exists for this caller, with what that was worked out from."""

    @property
    def identity(self) -> str:
        """Who it is, whichever token says so: the agent, the person, and the agents above."""
        return "\n".join((self.facts.agent, self.facts.user or "", *self.facts.chain))


class Callers:
    """Authenticates callers. `known` is what is known of revocations; `wall` and `monotonic` tell the time."""

    def __init__(
        self,
        *,
        issuer: str,
        verifier: OwnTokenVerifier,
        known: Known,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._issuer, self._verifier, self._known = issuer, verifier, known
        self._wall, self._monotonic = wall, monotonic
        self._kept: dict[tuple[bytes, str], Caller] = {}

    def find(self, token: str, server: str) -> Caller | None:
        """The caller whose token this is, if it was authenticated here before. Whether it lives, `life` tells."""
        return self._kept.get((_digest(token), server))

    def authenticate(self, token: str, server: str, audience: str, now: datetime) -> Caller:
        """The caller that a token describes, `audience` being the server's address. Raises `TokenRefused`."""
        found = self._read(token, server, audience, now)
        if len(self._kept) >= MANY:
            self._kept.clear()  # strangers cannot fill the memory: they do not get this far
        self._kept[_digest(token), server] = found
        return found

    def life(self, caller: Caller, max_staleness: timedelta) -> Life:
        """Whether the token lives now, if what is known of revocations is not older than that."""
        token, monotonic = caller.token, self._monotonic()
        now = max(self._wall(), self._known.earliest_now(monotonic))  # a clock that was set back wakes nobody
        if not self._known.ended.isdisjoint(token.nodes):
            minimum = self._known.minimums.get
            for node, generation in token.ancestors:
                if minimum(node, 0) > generation:
                    return Life.REVOKED
        if not token.issued_at - _LEEWAY_SECONDS <= now < token.expires_at:
            return Life.EXPIRED
        return Life.LIVES if self._known.staleness(monotonic) <= max_staleness.total_seconds() else Life.NOT_KNOWN

    def _read(self, token: str, server: str, audience: str, now: datetime) -> Caller:
        profile = own_profile(self._issuer, frozenset({audience}))
        verified = self._verifier.verify(UnverifiedToken(token), profile, now)
        return Caller(server, _facts(verified), _access(verified, audience), bound_key(verified))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _facts(verified: VerifiedClaims) -> CallerFacts:
    claims = verified.claims
    deployments = [node.partition(":")[2] for node, _ in _ancestors(claims) if node.startswith("deployment:")]
    scopes = frozenset(str(claims.get("scope", "")).split())
    return facts_of(verified, scopes=scopes, deployment=deployments[0] if deployments else None)


def _access(verified: VerifiedClaims, audience: str) -> AccessToken:
    claims = verified.claims
    lease = claims[LEASE_CLAIM]
    lease_id = lease.get("id") if isinstance(lease, dict) else None
    if not isinstance(lease_id, str):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return AccessToken(
        subject=verified.subject,
        client_id=str(claims.get("client_id", "")),
        audience=audience,
        token_id=verified.token_id or "",
        lease=lease_id,
        issued_at=verified.issued_at.timestamp(),
        expires_at=verified.expires_at.timestamp(),
        ancestors=((str(lease_node(lease_id)), 0), *_ancestors(claims)),
        key_thumbprint=None,
        claims=claims,
    )


def _ancestors(claims: Mapping[str, object]) -> tuple[tuple[str, int], ...]:
    lease = claims.get(LEASE_CLAIM)
    found = lease.get("anc") if isinstance(lease, dict) else None
    if not isinstance(found, list) or not found:
        raise TokenRefused(Flaw.BAD_CLAIM)
    return tuple(_ancestor(one) for one in found)


def _ancestor(value: object) -> tuple[str, int]:
    match value:
        case [str(node), int(generation)] if not isinstance(generation, bool):
            return node, generation
        case _:
            raise TokenRefused(Flaw.BAD_CLAIM)
