"""A token looked at for somebody who asks why it is not accepted: every flaw of it, not the first alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from leasehold.keys.compact import UnverifiedJws
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.role_ids import with_role_id
from leasehold.keys.tokens import SubjectTokens
from leasehold.keys.verification import verify_parsed
from leasehold.model.subjects import IssuerType
from leasehold.model.tokens import (
    Examined,
    Flaw,
    TokenProfile,
    TokenRefused,
    UnverifiedClaims,
    UnverifiedToken,
    VerifiedClaims,
)
from leasehold.model.trust import TrustIssuer, Verification

_ANY_TTL = timedelta(days=366_000)


class SubjectExamination:
    """Examines tokens of trust issuers. What it finds out lets nobody in."""

    def __init__(self, tokens: SubjectTokens, keys: IssuerKeys) -> None:
        self._tokens = tokens
        self._keys = keys

    def read(self, unverified_token: UnverifiedToken) -> UnverifiedClaims:
        """Who the token says it is from. Raises `TokenRefused`."""
        return self._tokens.read(unverified_token)

    async def examine(
        self, unverified_claims: UnverifiedClaims, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> Examined:
        """Every flaw, and the claims if at least the issuer's proof of them holds."""
        try:
            return Examined(await self._tokens.verify(unverified_claims, issuer, profile, now), ())
        except TokenRefused as refused:
            first = refused.flaw
        token = unverified_claims.parts
        if not isinstance(token, UnverifiedJws) or issuer.verify is Verification.TOKEN_REVIEW:
            return Examined(None, (first,))
        return await self._signed(token, issuer, profile, now) or Examined(None, (first,))

    async def _signed(
        self, token: UnverifiedJws, issuer: TrustIssuer, profile: TokenProfile, now: datetime
    ) -> Examined | None:
        """The claims of a token that is well signed, however old and whomever it is for."""
        anybody = replace(profile, audiences=None, max_ttl=_ANY_TTL)
        then = _issued_at(token, now)
        try:
            keys = await self._keys.find(issuer, token.key_id)
            claims = verify_parsed(token, anybody, keys, then)
        except TokenRefused:
            return None
        flaws: list[Flaw] = []
        audience, times = replace(anybody, audiences=profile.audiences), replace(profile, audiences=None)
        for strict, at in ((audience, then), (times, now)):
            try:
                verify_parsed(token, strict, keys, at)
            except TokenRefused as refused:
                flaws.append(refused.flaw)
        return Examined(*await self._attested(claims, issuer, tuple(flaws)))

    async def _attested(
        self, claims: VerifiedClaims, issuer: TrustIssuer, flaws: tuple[Flaw, ...]
    ) -> tuple[VerifiedClaims, tuple[Flaw, ...]]:
        if issuer.type is not IssuerType.AWS:
            return claims, flaws
        try:
            return await self._tokens.attest(claims, issuer), flaws
        except TokenRefused as refused:
            return with_role_id(claims, None), (*flaws, refused.flaw)


def _issued_at(token: UnverifiedJws, now: datetime) -> datetime:
    issued_at = token.claims.get("iat")
    if type(issued_at) is not int or not 0 <= issued_at <= now.timestamp():
        return now
    return datetime.fromtimestamp(issued_at, UTC)
