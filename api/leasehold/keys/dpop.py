"""Proofs of possession (RFC 9449): the one kind of JWT whose key comes in its own header."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from leasehold.keys.compact import UnverifiedJws, encode, parse_proof
from leasehold.keys.jwks import InvalidJwks, VerificationKey, parse_jwks
from leasehold.keys.nonces import Nonces
from leasehold.model.possession import PROOF_ALGORITHMS, FirstUse, NonceWanted, Possession, ProofRefused
from leasehold.model.tokens import LEEWAY, TokenRefused, UnverifiedToken

PROOF_TYPE = "dpop+jwt"
PROOF_AGE = timedelta(seconds=60)
# RFC 7638 §3.2: exactly these members, in this order, make the thumbprint.
_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_JTI_LIMIT = 256
_ESCAPED = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


class Proofs:
    """Checks proofs. The caller sees to it that each is used once. Without `nonces`, a nonce is not looked at."""

    def __init__(self, nonces: Nonces | None = None) -> None:
        self._nonces = nonces

    def check(
        self, proof: UnverifiedToken, method: str, url: str, now: datetime, token: str | None = None
    ) -> Possession:
        """Whose key it proves, for this request and, if given, this very token.

        Raises `ProofRefused`; `NonceWanted` if nothing is wrong but the nonce.
        """
        try:
            jws = parse_proof(proof)
        except TokenRefused as refused:
            raise ProofRefused("the proof is not well-formed") from refused
        jwk = jws.jwk or {}
        key = _key(jws, jwk)
        if not key.verifies(jws.algorithm, jws.signing_input, jws.signature):
            raise ProofRefused("the signature of the proof is wrong")
        _check_request(jws.claims, method, url)
        made_at = _check_time(jws.claims, now)
        if token is not None and jws.claims.get("ath") != _digest(token):
            raise ProofRefused("ath is not the hash of the token")
        thumbprint = jwk_thumbprint(jwk)
        jti = hashlib.sha256(_jti(jws.claims).encode()).hexdigest()
        first_use = FirstUse(f"dpop:{thumbprint}", jti, made_at + PROOF_AGE + LEEWAY)
        return Possession(thumbprint, first_use, self._next_nonce(jws.claims.get("nonce"), now))

    def _next_nonce(self, nonce: object, now: datetime) -> str | None:
        if self._nonces is None:
            return None
        current = self._nonces.current(now)
        if not isinstance(nonce, str) or not self._nonces.accepts(nonce, now):
            raise NonceWanted(current)
        return current if nonce != current else None


def jwk_thumbprint(jwk: Mapping[str, object]) -> str:
    """The RFC 7638 thumbprint (SHA-256, base64url) of a public key."""
    members = {name: jwk.get(name) for name in _THUMBPRINT.get(str(jwk.get("kty")), ())}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return encode(hashlib.sha256(text.encode()).digest()).decode()


def _key(jws: UnverifiedJws, jwk: Mapping[str, object]) -> VerificationKey:
    if jws.type != PROOF_TYPE or jws.algorithm not in PROOF_ALGORITHMS:
        raise ProofRefused("typ must be dpop+jwt, and alg an asymmetric signature")
    named = {name: value for name, value in jwk.items() if name != "kid"}
    try:  # refuses private and shared keys, weak ones, and those of another use
        key = parse_jwks(json.dumps({"keys": [named]}), frozenset({jws.algorithm})).find(None)
    except InvalidJwks:
        key = None
    if key is None:
        raise ProofRefused("jwk must be the public key of the proof")
    return key


def _check_request(claims: Mapping[str, object], method: str, url: str) -> None:
    if claims.get("htm") != method:
        raise ProofRefused("htm is not the method of the request")
    htu = claims.get("htu")
    if not isinstance(htu, str) or _without_query(htu) != _without_query(url):
        raise ProofRefused("htu is not the URL of the request")


def _check_time(claims: Mapping[str, object], now: datetime) -> datetime:
    """When it was made. A proof need not say when it begins and ends; one that does is held to it (RFC 7519 §4.1)."""
    time, leeway = now.timestamp(), LEEWAY.total_seconds()
    age = time - _instant(claims, "iat")
    over = "exp" in claims and time >= _instant(claims, "exp")
    early = "nbf" in claims and time < _instant(claims, "nbf") - leeway
    if over or early or not -leeway <= age <= PROOF_AGE.total_seconds():
        raise ProofRefused("the proof is too old, or from the future")
    return now - timedelta(seconds=age)


def _instant(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProofRefused(f"{name} is no instant")
    return value


def _jti(claims: Mapping[str, object]) -> str:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _JTI_LIMIT:
        raise ProofRefused("jti is missing")
    return jti


def _without_query(url: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", url
    default = {"https": 443, "http": 80}.get(parts.scheme)
    authority = (parts.hostname or "") + (f":{port}" if port not in {None, default} else "")
    return parts.scheme, authority, _ESCAPED.sub(_unescaped, parts.path) or "/"


def _unescaped(match: re.Match[str]) -> str:
    """RFC 3986 §6.2.2: what needs no escape has none, and the others are written in one way."""
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def _digest(token: str) -> str:
    return encode(hashlib.sha256(token.encode()).digest()).decode()
