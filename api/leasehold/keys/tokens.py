"""What `authn` and `exchange` ask of this room: subject tokens of issuers verified, and our own access tokens."""

from __future__ import annotations

import hashlib
from datetime import datetime

from leasehold.keys.compact import UnverifiedJws, parse
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.jwks import public_keys
from leasehold.keys.role_ids import RoleIds, with_role_id
from leasehold.keys.signed_callers import SignedCallers, SignedRequest, is_signed_request, parse_signed_request
from leasehold.keys.signing import Signer
from leasehold.keys.token_review import TokenReviews
from leasehold.keys.verification import claims_of, verify, verify_parsed
from leasehold.model.subjects import IssuerType
from leasehold.model.tokens import (
    Flaw,
    TokenProfile,
    TokenRefused,
    UnverifiedClaims,
    UnverifiedToken,
    VerifiedClaims,
)
from leasehold.model.trust import TrustIssuer, Verification

_KEPT = 10_000
_SPIFFE = "spiffe://"


class SubjectTokens:
    """Verifies tokens of trust issuers. Without `reviews`, `callers` or `roles`, what they would prove is refused."""

    def __init__(
        self,
        keys: IssuerKeys,
        *,
        reviews: TokenReviews | None = None,
        callers: SignedCallers | None = None,
        roles: RoleIds | None = None,
    ) -> None:
        self._keys = keys
        self._reviews = reviews
        self._callers = callers
        self._roles = roles

    @staticmethod
    def read(unverified_token: UnverifiedToken) -> UnverifiedClaims:
        """Who the token says it is from. Raises `TokenRefused`."""
        if is_signed_request(unverified_token):
            request = parse_signed_request(unverified_token)
            return UnverifiedClaims(issuer=request.endpoint, parts=request)
        token = parse(unverified_token)
        subject = token.claims.get("sub")
        return UnverifiedClaims(
            issuer=_issuer(token.claims), parts=token, subject=subject if isinstance(subject, str) else ""
        )

    async def verify(
        self, unverified_claims: UnverifiedClaims, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> VerifiedClaims:
        """The claims of a token that `read` took apart, proved by its issuer. Raises `TokenRefused`."""
        token = unverified_claims.parts
        if isinstance(token, SignedRequest):
            if issuer.type is not IssuerType.AWS_STS or self._callers is None:
                raise TokenRefused(Flaw.MALFORMED)
            return await self._callers.verify(token, issuer, now)
        if not isinstance(token, UnverifiedJws) or issuer.type is IssuerType.AWS_STS:
            raise TokenRefused(Flaw.MALFORMED)
        if token.algorithm not in profile.algorithms:  # before any key is sought: junk costs no fetch
            raise TokenRefused(Flaw.ALGORITHM_REFUSED)
        if issuer.verify is Verification.TOKEN_REVIEW:
            return await self._reviewed(token, issuer, profile, now)
        verified = verify_parsed(token, profile, await self._keys.find(issuer, token.key_id), now)
        return verified if issuer.type is not IssuerType.AWS else await self.attest(verified, issuer)

    async def attest(self, verified: VerifiedClaims, issuer: TrustIssuer) -> VerifiedClaims:
        """The claims of an AWS token, with the unique id of the role where it is certain. Raises `TokenRefused`."""
        if self._roles is None:
            raise TokenRefused(Flaw.KEYS_UNAVAILABLE)
        return await self._roles.attest(with_role_id(verified, None), issuer)

    async def _reviewed(
        self, token: UnverifiedJws, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> VerifiedClaims:
        if self._reviews is None:
            raise TokenRefused(Flaw.KEYS_UNAVAILABLE)
        claims = claims_of(token, profile, now)  # first, and so nobody is asked about junk
        await self._reviews.confirm(token, claims, issuer)
        return claims


def _issuer(claims: dict[str, object]) -> str:
    """What the token is looked up by; of an SVID without `iss` the trust domain in `sub`."""
    issuer, subject = claims.get("iss"), claims.get("sub")
    if isinstance(issuer, str):
        return issuer
    if "iss" not in claims and isinstance(subject, str) and subject.startswith(_SPIFFE):
        return _SPIFFE + subject.removeprefix(_SPIFFE).partition("/")[0]
    raise TokenRefused(Flaw.MISSING_CLAIM)


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
