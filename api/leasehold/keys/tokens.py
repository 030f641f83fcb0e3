"""What `authn` and `exchange` ask of this room: subject tokens of issuers verified, and our own access tokens."""

from __future__ import annotations

from datetime import datetime

from leasehold.keys.compact import parse
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.jwks import public_keys
from leasehold.keys.signing import Signer
from leasehold.keys.verification import verify, verify_parsed
from leasehold.model.tokens import (
    Flaw,
    TokenProfile,
    TokenRefused,
    UnverifiedClaims,
    UnverifiedToken,
    VerifiedClaims,
)
from leasehold.model.trust import TrustIssuer


class SubjectTokens:
    """Verifies tokens of trust issuers."""

    def __init__(self, keys: IssuerKeys) -> None:
        self._keys = keys

    @staticmethod
    def read(unverified_token: UnverifiedToken) -> UnverifiedClaims:
        """Who the token says it is from. Raises `TokenRefused`."""
        token = parse(unverified_token)
        issuer = token.claims.get("iss")
        if not isinstance(issuer, str):
            raise TokenRefused(Flaw.MISSING_CLAIM)
        return UnverifiedClaims(issuer=issuer, key_id=token.key_id)

    async def verify(
        self, unverified_token: UnverifiedToken, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> VerifiedClaims:
        """The claims, proved by the issuer's own keys. Raises `TokenRefused`."""
        token = parse(unverified_token)
        if token.algorithm not in profile.algorithms:  # before any key is sought: junk costs no fetch
            raise TokenRefused(Flaw.ALGORITHM_REFUSED)
        return verify_parsed(token, profile, await self._keys.find(issuer, token.key_id), now)


class OwnTokens:
    """Verifies access tokens that this registry issued."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def verify(self, unverified_token: UnverifiedToken, profile: TokenProfile, now: datetime) -> VerifiedClaims:
        """The claims, signed by a published key of ours. Raises `TokenRefused`."""
        return verify(unverified_token, profile, public_keys(self._signer.published()), now)
