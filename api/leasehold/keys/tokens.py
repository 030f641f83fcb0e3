"""What `authn` and `exchange` ask of this room: subject tokens of issuers verified, and our own access tokens."""

from __future__ import annotations

import hashlib
from datetime import datetime

from leasehold.keys.compact import UnverifiedJws, parse
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

_KEPT = 10_000


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
        return UnverifiedClaims(issuer=issuer, parts=token)

    async def verify(
        self, unverified_claims: UnverifiedClaims, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> VerifiedClaims:
        """The claims of a token that `read` took apart, proved by the issuer's own keys. Raises `TokenRefused`."""
        token = unverified_claims.parts
        if not isinstance(token, UnverifiedJws):
            raise TokenRefused(Flaw.MALFORMED)
        if token.algorithm not in profile.algorithms:  # before any key is sought: junk costs no fetch
            raise TokenRefused(Flaw.ALGORITHM_REFUSED)
        return verify_parsed(token, profile, await self._keys.find(issuer, token.key_id), now)


class OwnTokens:
    """Verifies access tokens that this registry issued.

    A signature that was good stays good: what was verified is kept, by the digest of the token, until the keys change.
    Its expiry is looked at each time, and whether its lease lives is never asked here.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._published = signer.published()
        self._keys = public_keys(self._published)
        self._verified: dict[tuple[bytes, TokenProfile], VerifiedClaims] = {}

    def verify(self, unverified_token: UnverifiedToken, profile: TokenProfile, now: datetime) -> VerifiedClaims:
        """The claims, signed by a published key of ours. Raises `TokenRefused`."""
        self._follow_rotation()
        key = (hashlib.sha256(unverified_token.encode(errors="replace")).digest(), profile)
        known = self._verified.get(key)
        if known is not None and known.issued_at <= now < known.expires_at:
            return known
        verified = verify(unverified_token, profile, self._keys, now)
        if len(self._verified) >= _KEPT:
            self._verified.clear()
        self._verified[key] = verified
        return verified

    def _follow_rotation(self) -> None:
        published = self._signer.published()
        if published is not self._published:
            self._published, self._keys = published, public_keys(published)
            self._verified.clear()
