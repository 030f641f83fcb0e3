"""Which agent a client is, by what it presents: an assertion signed with its own key, or a secret.

A client that presents a workload token is authenticated as that workload (`subjects`); its binding says which agent.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from leasehold.model.clients import CLIENT_ALGORITHMS, ClientKeys, ClientSecret
from leasehold.model.possession import FirstUse
from leasehold.model.tokens import Flaw, TokenProfile, TokenRefused, UnverifiedClaims, UnverifiedToken, VerifiedClaims

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
ASSERTION_TTL_MAX = timedelta(minutes=5)
# RFC 7523 asks for no type; rfc7523bis names one of its own, so that no other token passes for an assertion.
_TYPES = frozenset({"", "jwt", "client-authentication+jwt"})
_REQUIRED = frozenset({"iss", "sub", "aud", "exp", "iat", "jti"})

# What one guess costs: 16 MiB and some 50 ms. A secret has 256 random bits, so that this guards a stolen table only.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P, _SCRYPT_BYTES = 2**14, 8, 1, 32
SECRET_LIMIT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredential:
    """What a client presents at the token endpoint; unverified. One of `assertion` and `secret`, or neither.

    Who presents neither can only be a public client, whose id proves nothing.
    """

    client_id: str | None
    assertion_type: str | None = None
    assertion: UnverifiedToken | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)


class AssertionVerifier(Protocol):
    """Verifies assertions with the client's own keys. Raises `TokenRefused`."""

    async def verify(
        self, unverified_claims: UnverifiedClaims, keys: ClientKeys, profile: TokenProfile, now: datetime
    ) -> VerifiedClaims: ...


async def authenticate_assertion(
    unverified_claims: UnverifiedClaims,
    keys: ClientKeys,
    *,
    issuer: str,
    verifier: AssertionVerifier,
    now: datetime,
) -> FirstUse:
    """That the client itself signed this for us, and what must be used only once. Raises `TokenRefused`."""
    if keys.jwks is None and keys.jwks_uri is None:
        raise TokenRefused(Flaw.KEYS_UNAVAILABLE)
    verified = await verifier.verify(unverified_claims, keys, assertion_profile(keys.issuer, issuer), now)
    if verified.subject != keys.issuer:  # RFC 7523 §3: the subject is the client
        raise TokenRefused(Flaw.BAD_CLAIM)
    digest = hashlib.sha256(f"jti:{verified.token_id}".encode()).hexdigest()
    return FirstUse(f"client:{keys.issuer}", digest, verified.expires_at)


def assertion_profile(client_id: str, issuer: str) -> TokenProfile:
    """What an assertion must be. Its one audience is our issuer: not the token endpoint, not a list with others."""
    return TokenProfile(
        issuer=client_id,
        audiences=frozenset({issuer}),
        algorithms=CLIENT_ALGORITHMS,
        types=_TYPES,
        required=_REQUIRED,
        max_ttl=ASSERTION_TTL_MAX,
    )


def hash_secret(secret: str, salt: bytes) -> str:
    """The memory-hard hash of a secret (scrypt, RFC 7914; N = 2^14, r = 8, p = 1), in hex."""
    digest = hashlib.scrypt(secret.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=_SCRYPT_BYTES)
    return digest.hex()


def is_secret(kept: ClientSecret, secret: str, now: datetime) -> bool:
    """True iff this is the secret that was kept, and it has not expired. Takes as long for a wrong one."""
    same = hmac.compare_digest(hash_secret(secret[:SECRET_LIMIT], bytes.fromhex(kept.salt)), kept.digest)
    return same and now < kept.expires_at
