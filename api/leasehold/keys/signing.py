"""Access tokens made: an ES256 signature by whoever holds the private key, a file of ours or a KMS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from leasehold.keys.compact import encode
from leasehold.model.tokens import ACCESS_TOKEN_TYPE

ALGORITHM = "ES256"
_COORDINATE_BYTES = 32


class Signer(Protocol):
    """Holds private keys and publishes the public ones. No key material ever leaves it."""

    @property
    def key_id(self) -> str:
        """The `kid` of the key that signs now."""

    async def sign(self, key_id: str, signing_input: bytes) -> bytes:
        """The raw 64-byte ES256 signature with that key. Raises `Unavailable`."""

    def published(self) -> Mapping[str, ec.EllipticCurvePublicKey]:
        """Every key that a live token may be signed with, now or soon, by `kid`."""


class TokenMint:
    """Turns claims into signed access tokens (RFC 9068 §2), or into signed statements of another type."""

    def __init__(self, signer: Signer, token_type: str = ACCESS_TOKEN_TYPE) -> None:
        self._signer = signer
        self._type = token_type

    async def sign(self, claims: Mapping[str, object]) -> str:
        """The signed token. Raises `Unavailable`."""
        payload = encode(orjson.dumps(claims))
        key_id = self._signer.key_id
        signing_input = _header(key_id, self._type) + b"." + payload
        signature = await self._signer.sign(key_id, signing_input)
        return (signing_input + b"." + encode(signature)).decode()


@lru_cache(maxsize=16)  # one for each key and type of token, the same for every token
def _header(key_id: str, token_type: str) -> bytes:
    return encode(orjson.dumps({"alg": ALGORITHM, "kid": key_id, "typ": token_type}))


def raw_signature(der: bytes) -> bytes:
    """A DER signature as JOSE wants it: r and s, 32 bytes each (RFC 7518 §3.4)."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)


def key_id_of(public: ec.EllipticCurvePublicKey) -> str:
    """The RFC 7638 thumbprint of a key."""
    jwk = to_jwk(public)
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y")}
    return encode(hashlib.sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()).decode()


def to_jwk(public: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The public members of a P-256 key."""
    numbers = public.public_numbers()
    x, y = (encode(n.to_bytes(_COORDINATE_BYTES)).decode() for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def jwk_set(published: Mapping[str, ec.EllipticCurvePublicKey]) -> dict[str, Sequence[Mapping[str, str]]]:
    """What `/.well-known/jwks.json` answers."""
    return {
        "keys": [
            {**to_jwk(public), "kid": key_id, "use": "sig", "alg": ALGORITHM} for key_id, public in published.items()
        ]
    }
