"""Assertions of clients (RFC 7523), checked with the client's own keys, inline or behind its https URL."""

from __future__ import annotations

from datetime import datetime

from leasehold.keys.compact import UnverifiedJws
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.verification import verify_parsed
from leasehold.model.clients import ClientKeys
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedClaims, VerifiedClaims


class ClientAssertions:
    """Verifies what clients sign themselves."""

    def __init__(self, keys: IssuerKeys) -> None:
        self._keys = keys

    async def verify(
        self, unverified_claims: UnverifiedClaims, keys: ClientKeys, profile: TokenProfile, now: datetime
    ) -> VerifiedClaims:
        """The claims of an assertion that was taken apart. Raises `TokenRefused`."""
        token = unverified_claims.parts
        if not isinstance(token, UnverifiedJws):
            raise TokenRefused(Flaw.MALFORMED)
        if token.algorithm not in profile.algorithms:
            raise TokenRefused(Flaw.ALGORITHM_REFUSED)
        return verify_parsed(token, profile, await self._keys.find(keys, token.key_id), now)
