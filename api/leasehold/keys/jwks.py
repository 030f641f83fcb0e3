"""A JWK set, reduced to the keys that may check a signature of one family of algorithms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.types import JWKDict

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192  # a larger one costs more to check than a caller should be able to make us spend
_MAX_EXPONENT_BITS = 33
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SIGNING_USES = frozenset({"sig", "jwt-svid"})  # the second in bundles of SPIFFE (Trust Domain and Bundle §4.2.2)
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}


class InvalidJwks(ValueError):
    """A JWK set that holds no key we can use, or one that no issuer should publish."""


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Keys by `kid`, an opaque string. A `kid` that names two usable keys names none."""

    by_id: Mapping[str | None, VerificationKey]

    def find(self, key_id: str | None) -> VerificationKey | None:
        """The key of this id. A token without `kid` fits only an issuer with a single key."""
        if key_id is None and len(self.by_id) == 1:
            return next(iter(self.by_id.values()))
        return self.by_id.get(key_id) if key_id is not None else None


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key, with the algorithms it may be used with."""

    algorithms: frozenset[str]
    public: object = field(repr=False)

    def verifies(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """True iff `signature` over `signing_input` was made with this key and exactly this algorithm."""
        if algorithm not in self.algorithms:
            return False
        return bool(jwt.get_algorithm_by_name(algorithm).verify(signing_input, self.public, signature))


def parse_jwks(text: str | bytes, algorithms: frozenset[str]) -> PublicKeys:
    """The keys of a JWK set usable with `algorithms`. Raises `InvalidJwks` if there is none."""
    found: dict[str | None, VerificationKey] = {}
    twice: set[str | None] = set()
    for jwk in _members(text):
        key = _usable(jwk, algorithms)
        if key is None:
            continue
        key_id = jwk.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            continue
        if key_id in found:
            twice.add(key_id)
        found[key_id] = key
    keys = {key_id: key for key_id, key in found.items() if key_id not in twice}
    if not keys:
        raise InvalidJwks("the JWK set holds no usable key")
    return PublicKeys(keys)


def _members(text: str | bytes) -> list[JWKDict]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidJwks("the JWK set is not JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise InvalidJwks("the JWK set has no `keys`")
    return [key for key in keys if isinstance(key, dict)]


def _usable(jwk: JWKDict, algorithms: frozenset[str]) -> VerificationKey | None:
    if jwk.get("use", "sig") not in _SIGNING_USES or not _may_verify(jwk.get("key_ops", ["verify"])):
        return None
    if jwk.keys() & _PRIVATE_MEMBERS:  # a published private or shared key signs for anybody
        return None
    fitting = frozenset(a for a in algorithms if jwk.get("alg", a) == a and _fits(jwk, a))
    public = _load(jwk, fitting)
    return VerificationKey(fitting, public) if public is not None else None


def _may_verify(key_ops: object) -> bool:
    return isinstance(key_ops, list) and "verify" in key_ops


def _fits(jwk: JWKDict, algorithm: str) -> bool:
    if algorithm[0] in "RP":
        return jwk.get("kty") == "RSA"
    return jwk.get("kty") == ("OKP" if algorithm == "EdDSA" else "EC") and jwk.get("crv") == _CURVES[algorithm]


def _load(jwk: JWKDict, fitting: frozenset[str]) -> object | None:
    if not fitting:
        return None
    try:
        key = jwt.get_algorithm_by_name(min(fitting)).from_jwk(jwk)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if not isinstance(key, rsa.RSAPublicKey) or _is_sound(key) else None


def _is_sound(key: rsa.RSAPublicKey) -> bool:
    exponent = key.public_numbers().e
    return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS and exponent.bit_length() <= _MAX_EXPONENT_BITS


def public_keys(keys: Mapping[str, ec.EllipticCurvePublicKey]) -> PublicKeys:
    """Our own ES256 keys, by `kid`."""
    return PublicKeys({key_id: VerificationKey(frozenset({"ES256"}), key) for key_id, key in keys.items()})
