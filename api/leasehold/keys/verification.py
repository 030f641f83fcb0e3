"""The one `verify`: signature and claims against a profile, at a time that is passed in.

PyJWT checks the signature alone. What it would accept and we must not (a wrong `typ`, several audiences, a missing or
absurd `exp`, duplicate members, weak or encryption keys) is refused here, in `compact` and in `jwks`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from leasehold.keys.compact import UnverifiedJws, parse
from leasehold.keys.jwks import PublicKeys
from leasehold.model.tokens import LEEWAY, Flaw, TokenProfile, TokenRefused, UnverifiedToken, VerifiedClaims

_ALWAYS_REQUIRED = frozenset({"iss", "sub", "aud", "iat", "exp"})
_TEXT_CLAIMS = ("iss", "sub", "jti")
_LAST_INSTANT = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that datetime knows
_TEXT_LIMIT = 1024


def verify(unverified_token: UnverifiedToken, profile: TokenProfile, keys: PublicKeys, now: datetime) -> VerifiedClaims:
    """The claims of a token that fits `profile` and is signed by one of `keys`. Raises `TokenRefused`."""
    return verify_parsed(parse(unverified_token), profile, keys, now)


def verify_parsed(token: UnverifiedJws, profile: TokenProfile, keys: PublicKeys, now: datetime) -> VerifiedClaims:
    """`verify`, for a token already taken apart."""
    _check_header(token, profile)
    _check_signature(token, keys)
    return claims_of(token, profile, now)


def claims_of(token: UnverifiedJws, profile: TokenProfile, now: datetime) -> VerifiedClaims:
    """The claims, for a token whose signature was or will be proved by the caller. Raises `TokenRefused`."""
    _check_claims(token.claims, profile)
    issued_at, expires_at = _check_times(token.claims, profile, now)
    return VerifiedClaims(
        issuer=profile.issuer,
        subject=str(token.claims["sub"]),
        audience=_audience(token.claims),
        issued_at=issued_at,
        expires_at=expires_at,
        token_id=str(token.claims["jti"]) if "jti" in token.claims else None,
        digest=hashlib.sha256(token.signing_input).hexdigest(),
        claims=token.claims,
    )


def _check_header(token: UnverifiedJws, profile: TokenProfile) -> None:
    if token.algorithm not in profile.algorithms:
        raise TokenRefused(Flaw.ALGORITHM_REFUSED)
    if token.type not in profile.types:
        raise TokenRefused(Flaw.WRONG_TYPE)


def _check_signature(token: UnverifiedJws, keys: PublicKeys) -> None:
    key = keys.find(token.key_id)
    if key is None:
        raise TokenRefused(Flaw.UNKNOWN_KEY)
    if not key.verifies(token.algorithm, token.signing_input, token.signature):
        raise TokenRefused(Flaw.BAD_SIGNATURE)


def _check_claims(claims: dict[str, object], profile: TokenProfile) -> None:
    if not (_ALWAYS_REQUIRED | profile.required) - profile.waived <= claims.keys():
        raise TokenRefused(Flaw.MISSING_CLAIM)
    for name in _TEXT_CLAIMS:
        if name in claims and not _is_text(claims[name]):
            raise TokenRefused(Flaw.BAD_CLAIM)
    if (
        claims.get("iss", profile.issuer) != profile.issuer
    ):  # to the letter: no case folding, no trailing slash (RFC 7519 §4.1.1)
        raise TokenRefused(Flaw.WRONG_ISSUER)
    audience = _audience(claims)
    if profile.audiences is not None and audience not in profile.audiences:
        raise TokenRefused(Flaw.WRONG_AUDIENCE)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT_LIMIT and value.isprintable()


def _audience(claims: dict[str, object]) -> str:
    # A token for several audiences could be replayed here by any of the others (RFC 8707 §3).
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    if not isinstance(audience, str):
        raise TokenRefused(Flaw.WRONG_AUDIENCE)
    return audience


def _check_times(claims: dict[str, object], profile: TokenProfile, now: datetime) -> tuple[datetime, datetime]:
    issued_at = _instant(claims["iat"]) if "iat" in claims else now
    expires_at = _instant(claims["exp"])
    starts_at = max(issued_at, _instant(claims["nbf"])) if "nbf" in claims else issued_at
    if now >= expires_at:
        raise TokenRefused(Flaw.EXPIRED)
    if starts_at > now + LEEWAY:
        raise TokenRefused(Flaw.NOT_YET_VALID)
    if expires_at - issued_at > profile.max_ttl:
        raise TokenRefused(Flaw.TOO_LONG_LIVED)
    return issued_at, expires_at


def _instant(value: object) -> datetime:
    # `True` is an int to Python and no date to anybody.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(Flaw.BAD_CLAIM)
    if value > _LAST_INSTANT:
        raise TokenRefused(Flaw.TOO_LONG_LIVED)
    if value < 0:
        raise TokenRefused(Flaw.BAD_CLAIM)
    return datetime.fromtimestamp(value, UTC)
