"""A token of our own issuer for an audience that trusts it: Google, Azure, Vault, AWS.

Its type is `JWT`: nobody who looks for one of our access tokens (`at+jwt`, RFC 9068 §2.1) takes it for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from leasehold.model.credentials import Federation
from leasehold.model.external import ExternalCredential, Minted, MintRefused, Order, StillLive

TOKEN_TYPE = "JWT"  # noqa: S105
_LEASE = "urn:leasehold:lease"


class Mint(Protocol):
    """Signs claims. Raises `Unavailable`."""

    async def sign(self, claims: Mapping[str, object]) -> str: ...


@dataclass(frozen=True, slots=True)
class FederationSource:
    """Signs with our own keys. What is signed cannot be taken back: it dies at its `exp`."""

    issuer: str
    signer: Mint

    async def mint(self, order: Order) -> Minted:
        """The token."""
        target = _target(order.spec.federation)
        expires_at = min(order.lease_ends, order.now + timedelta(seconds=target.token_ttl)).replace(microsecond=0)
        token = await self.signer.sign(assertion(self.issuer, order, target.audience, expires_at))
        return Minted(secret={"token": token, "token_type": "Bearer"}, live_until=expires_at)

    def kill(self, credential: ExternalCredential, ends_with: str | None) -> None:  # noqa: ARG002  the port's words
        """Impossible. Raises `StillLive`."""
        raise StillLive(f"a signed token lives until {credential.live_until.isoformat()}")

    def clear(self, credential: ExternalCredential) -> None:
        """Nothing is left of a token."""


def _target(target: Federation | None) -> Federation:
    if target is None:
        raise MintRefused("the profile is not of a federation")
    return target


def assertion(issuer: str, order: Order, audience: str, expires_at: datetime) -> dict[str, object]:
    """What we say of an agent to others (RFC 7519 §4.1)."""
    return {
        "iss": issuer,
        "sub": f"agent:{order.agent}",
        "aud": audience,
        "iat": int(order.now.timestamp()),
        "nbf": int(order.now.timestamp()),
        "exp": int(expires_at.timestamp()),
        "jti": order.id,
        _LEASE: {"id": order.lease, "dep": order.deployment, "profile": order.profile},
    }
