"""People: who logged in at an issuer that we trust, and who an issuer vouches for (ID-JAG)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.subjects import profile_of
from leasehold.model.consents import user_id
from leasehold.model.directory import check_foreign_id
from leasehold.model.errors import InvalidValue
from leasehold.model.possession import FirstUse
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedClaims, UnverifiedToken, VerifiedClaims
from leasehold.model.trust import Login, TrustIssuer

ID_JAG_TYPE = "oauth-id-jag+jwt"
ASSERTION_TTL_MAX = timedelta(minutes=5)
_GROUPS_LIMIT = 200
_GROUPS_BYTES = 8_000  # they travel in our tokens, which travel in headers
_ID_TOKEN = frozenset({"iss", "sub", "aud", "iat", "exp", "nonce"})
_ID_JAG = frozenset({"iss", "sub", "aud", "iat", "exp", "jti", "client_id"})

Issuers = Mapping[str, Sequence[tuple[str, TrustIssuer]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person, by an id that no other person ever gets: the trust issuer's name, and the subject there.

    `groups` are what that issuer calls the groups they are in. `resources`, unless empty, `scopes` and `details`
    (RFC 9396, unread), unless None, are all that it vouches for.
    """

    id: str
    issued_at: datetime
    ends_at: datetime
    scopes: frozenset[str] | None = None
    resources: frozenset[str] = frozenset()
    details: object = None
    key: str | None = None
    first_use: FirstUse | None = None
    groups: frozenset[str] = frozenset()


async def authenticate_login(  # noqa: PLR0913  what came back, and everything it is held against
    id_token: UnverifiedToken,
    name: str,
    issuer: TrustIssuer,
    login: Login,
    *,
    nonce: str,
    verifier: SubjectTokenVerifier,
    now: datetime,
) -> Person:
    """Who logged in (OpenID Connect Core §3.1.3.7). Raises `TokenRefused`."""
    profile = _profile(issuer, login.client_id, frozenset({"", "jwt"}), _ID_TOKEN)
    verified = await verifier.verify(verifier.read(id_token), issuer, profile, now)
    if verified.claims["nonce"] != nonce or verified.claims.get("azp", login.client_id) != login.client_id:
        raise TokenRefused(Flaw.BAD_CLAIM)
    groups = _groups(verified, issuer)
    return Person(
        id=user_id(name, verified.subject), issued_at=verified.issued_at, ends_at=verified.expires_at, groups=groups
    )


async def authenticate_bearer(
    id_token: UnverifiedToken, issuers: Issuers, verifier: SubjectTokenVerifier, now: datetime
) -> Person:
    """The person that an identity token for us names. Raises `TokenRefused`."""
    name, issuer, claims = _issuer_of(id_token, issuers, verifier)
    if issuer.login is None:
        raise TokenRefused(Flaw.UNKNOWN_ISSUER)
    verified = await verifier.verify(claims, issuer, profile_of(issuer), now)
    return Person(id=user_id(name, verified.subject), issued_at=verified.issued_at, ends_at=verified.expires_at)


async def authenticate_id_jag(
    assertion: UnverifiedToken,
    issuers: Issuers,
    *,
    audience: str,
    client_id: str,
    verifier: SubjectTokenVerifier,
    now: datetime,
) -> Person:
    """The person that an issuer lets this very client act for (ID-JAG -04 §4.4). Raises `TokenRefused`."""
    name, issuer, claims = _issuer_of(assertion, issuers, verifier)
    if not issuer.id_jag:
        raise TokenRefused(Flaw.UNKNOWN_ISSUER)
    profile = _profile(issuer, audience, frozenset({ID_JAG_TYPE}), _ID_JAG, ASSERTION_TTL_MAX)
    verified = await verifier.verify(claims, issuer, profile, now)
    if verified.claims["client_id"] != client_id or not _acts_itself(verified, client_id):
        raise TokenRefused(Flaw.BAD_CLAIM)
    digest = hashlib.sha256(f"jti:{verified.token_id}".encode()).hexdigest()
    return Person(
        id=user_id(name, verified.subject),
        issued_at=verified.issued_at,
        ends_at=verified.expires_at,
        scopes=_words(verified, "scope"),
        resources=_resources(verified),
        details=verified.claims.get("authorization_details"),
        key=_bound_to(verified),
        first_use=FirstUse(verified.issuer, digest, verified.expires_at),
        groups=_groups(verified, issuer),
    )


def _acts_itself(verified: VerifiedClaims, client_id: str) -> bool:
    """True iff the issuer names nobody between the person and this client, and the person by `sub` alone.

    Our `act` names agents of ours, so that another actor would be lost on the way. With `tenant` the same `sub` may be
    somebody else (ID-JAG -04 §3).
    """
    act = verified.claims.get("act")
    alone = act is None or (isinstance(act, dict) and act.get("sub") == client_id and "act" not in act)
    return alone and "tenant" not in verified.claims


def _resources(verified: VerifiedClaims) -> frozenset[str]:
    """The resources that are vouched for, one or several (ID-JAG -04 §3); none if it is left open."""
    said = verified.claims.get("resource")
    several = said if isinstance(said, list) else [said]
    if said is None:
        return frozenset()
    if not several or not all(isinstance(one, str) and one for one in several):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return frozenset(several)


def _issuer_of(
    token: UnverifiedToken, issuers: Issuers, verifier: SubjectTokenVerifier
) -> tuple[str, TrustIssuer, UnverifiedClaims]:
    claims = verifier.read(token)
    candidates = issuers.get(claims.issuer, ())
    if len(candidates) != 1:
        raise TokenRefused(Flaw.AMBIGUOUS_ISSUER if candidates else Flaw.UNKNOWN_ISSUER)
    name, issuer = candidates[0]
    return name, issuer, claims


def _profile(
    issuer: TrustIssuer, audience: str, types: frozenset[str], required: frozenset[str], ttl: timedelta | None = None
) -> TokenProfile:
    return TokenProfile(
        issuer=issuer.issuer,
        audiences=frozenset({audience}),
        algorithms=issuer.algorithms,
        types=types,
        required=required,
        max_ttl=ttl or timedelta(seconds=issuer.max_token_ttl),
    )


def _groups(verified: VerifiedClaims, issuer: TrustIssuer) -> frozenset[str]:
    """The groups that an issuer was asked to name. Raises `TokenRefused`.

    INVARIANT: all of them or nobody at all. A policy may forbid by a group, and one that was dropped would open that.
    """
    if issuer.groups_claim is None:
        return frozenset()
    elsewhere = verified.claims.get("_claim_names", {})  # OpenID Connect Core §5.6.2: too many to be told here
    found = verified.claims.get(issuer.groups_claim, [])
    if not isinstance(elsewhere, dict) or issuer.groups_claim in elsewhere or not isinstance(found, list):
        raise TokenRefused(Flaw.BAD_CLAIM)
    if len(found) > _GROUPS_LIMIT or not all(isinstance(one, str) for one in found):
        raise TokenRefused(Flaw.BAD_CLAIM)
    try:
        for one in found:
            check_foreign_id(one, "a group")
    except InvalidValue as refused:
        raise TokenRefused(Flaw.BAD_CLAIM) from refused
    if len(json.dumps(found)) > _GROUPS_BYTES:
        raise TokenRefused(Flaw.BAD_CLAIM)
    return frozenset(found)


def _words(verified: VerifiedClaims, claim: str) -> frozenset[str] | None:
    text = _text(verified, claim)
    return frozenset(text.split(" ")) if text is not None else None


def _text(verified: VerifiedClaims, claim: str) -> str | None:
    value = verified.claims.get(claim)
    if value is not None and (not isinstance(value, str) or not value):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value


def _bound_to(verified: VerifiedClaims) -> str | None:
    confirmation = verified.claims.get("cnf")
    if confirmation is None:
        return None
    key = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    if not isinstance(key, str):  # bound in a way that we do not know: nobody can prove it here
        raise TokenRefused(Flaw.BAD_CLAIM)
    return key
