"""Access tokens of ours that come back in an exchange: as the authority to delegate from, or as proof of who acts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.authn.ports import OwnTokenVerifier
from leasehold.authn.registry_tokens import LEASE_CLAIM, bound_key, lease_id_of, own_profile
from leasehold.exchange.details import reach_of_details
from leasehold.exchange.introspection import LiveLeases
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.access import Reach
from leasehold.model.errors import InvalidValue
from leasehold.model.leases import Lease
from leasehold.model.people import DELEGATION_DEPTH_LIMIT
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken, VerifiedClaims

_AGENT = "agent:"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToken:
    """A live access token of an agent. `actors`: who acts, the current one first, as `act` nests them.

    `digest` is the SHA-256 (hex) of what was signed; `key` is the thumbprint that the token is bound to.
    """

    lease: Lease
    agent: str
    actors: tuple[str, ...]
    depth: int
    limit: int | None
    key: str | None
    digest: str
    claims: Mapping[str, object] = field(repr=False)

    @property
    def is_for_a_person(self) -> bool:
        """True iff an agent acts in it for a person."""
        return bool(self.actors) and not self.lease.subject.startswith(_AGENT)

    @property
    def chain(self) -> tuple[str, ...]:
        """Every agent in the token, the current one first."""
        subject = self.lease.subject
        return (*self.actors, subject.removeprefix(_AGENT)) if subject.startswith(_AGENT) else self.actors

    def reach(self, tool_server: str) -> frozenset[Reach]:
        """What the token allows on the tool server that it is for. Raises `ExchangeRefused`."""
        try:
            details = self.claims.get("authorization_details")
            return reach_of_details(details, self.lease.audience, tool_server)
        except InvalidValue as error:
            raise ExchangeRefused(Flaw.BAD_CLAIM) from error


class AgentTokens:
    """Reads access tokens of agents. Each must be the very token of a lease that lives now."""

    def __init__(self, *, issuer: str, verifier: OwnTokenVerifier, leases: LiveLeases) -> None:
        self._issuer = issuer
        self._verifier = verifier
        self._leases = leases

    async def read(self, token: UnverifiedToken, now: datetime) -> AgentToken:
        """The token. Raises `ExchangeRefused`, whatever is wrong with it; `Unavailable`."""
        try:
            verified = self._verifier.verify(token, own_profile(self._issuer, None), now)
            return _agent_token(verified, await self._lease(lease_id_of(verified), token, now))
        except TokenRefused as refused:
            raise ExchangeRefused(refused.flaw) from refused

    async def _lease(self, lease_id: str, token: str, now: datetime) -> Lease:
        lease = (await self._leases.find((lease_id,), now)).get(lease_id)
        if lease is None or lease.token_sha256 != hashlib.sha256(token.encode()).hexdigest():
            raise TokenRefused(Flaw.LEASE_ENDED)
        return lease


def _agent_token(verified: VerifiedClaims, lease: Lease) -> AgentToken:
    if lease.agent is None or lease.subject != verified.subject:  # a platform role is no authority over tools
        raise TokenRefused(Flaw.BAD_CLAIM)
    about = verified.claims[LEASE_CLAIM]
    depth, limit = (about.get("d", 0), about.get("dmax")) if isinstance(about, dict) else (None, None)
    if not isinstance(depth, int) or not isinstance(limit, int | None):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return AgentToken(
        lease=lease,
        agent=lease.agent,
        actors=_actors(verified.claims.get("act")),
        depth=depth,
        limit=limit,
        key=bound_key(verified),
        digest=verified.digest,
        claims=verified.claims,
    )


def _actors(act: object) -> tuple[str, ...]:
    """The agents of nested `act` claims, outermost first (RFC 8693 §4.1)."""
    actors: list[str] = []
    while act is not None:
        if not isinstance(act, dict) or len(actors) > DELEGATION_DEPTH_LIMIT:
            raise TokenRefused(Flaw.BAD_CLAIM)
        actors.append(str(act.get("sub", "")).removeprefix(_AGENT))
        act = act.get("act")
    return tuple(actors)
