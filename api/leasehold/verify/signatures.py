"""Signed statements of one issuer: the compact form taken apart strictly, ES256 alone, the type asked for.

Deliberately narrow: the issuer writes ES256 with a `kid` and a `typ`, so that anything else is refused unread.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

import jwt

from leasehold.verify.refusals import Reason, Untrusted

ALGORITHM = "ES256"
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
_ES256 = jwt.get_algorithm_by_name(ALGORITHM)
_SEGMENTS = 3


class KeyFinder(Protocol):
    """Finds the issuer's public key of an id. Raises `Untrusted`."""

    def find(self, key_id: str) -> object: ...


@dataclass(frozen=True, slots=True)
class KeySet:
    """Public P-256 keys by `kid`."""

    by_id: Mapping[str, object] = field(repr=False)


def parse_key_set(text: str | bytes) -> KeySet:
    """The usable keys of a JWK set. Raises `Untrusted` if it is none."""
    document = _object(text if isinstance(text, bytes) else text.encode())
    keys = document.get("keys")
    if not isinstance(keys, list):
        raise Untrusted(Reason.MALFORMED)
    usable = [jwk for jwk in keys if _is_usable(jwk)]
    try:
        found = {jwk["kid"]: _ES256.from_jwk(json.dumps(jwk)) for jwk in usable}
    except jwt.PyJWTError:
        raise Untrusted(Reason.MALFORMED) from None
    if not found or len(found) != len(usable):  # a `kid` twice names no key
        raise Untrusted(Reason.MALFORMED)
    return KeySet(found)


def read_signed(token: str, token_type: str, keys: KeyFinder) -> dict[str, object]:
    """The claims of a token of this type that one of the issuer's keys has signed. Raises `Untrusted`."""
    segments = token.split(".")
    if len(segments) != _SEGMENTS or not token.isascii():
        raise Untrusted(Reason.MALFORMED)
    header = _object(_decode(segments[0]))
    key_id = header.get("kid")
    if not header.keys() <= _HEADER_MEMBERS or header.get("alg") != ALGORITHM or not isinstance(key_id, str):
        raise Untrusted(Reason.MALFORMED)
    if header.get("typ") != token_type:
        raise Untrusted(Reason.WRONG_TYPE)
    signing_input = token.rpartition(".")[0].encode()
    if not _ES256.verify(signing_input, keys.find(key_id), _decode(segments[2])):
        raise Untrusted(Reason.BAD_SIGNATURE)
    return _object(_decode(segments[1]))


def _is_usable(jwk: object) -> bool:
    return (
        isinstance(jwk, dict)
        and (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256")
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", ALGORITHM) == ALGORITHM
        and isinstance(jwk.get("kid"), str)
        and "d" not in jwk
    )


def _decode(segment: str) -> bytes:
    try:
        raw = base64.b64decode(segment + "=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise Untrusted(Reason.MALFORMED) from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != segment:  # one token, one spelling
        raise Untrusted(Reason.MALFORMED)
    return raw


def _object(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Untrusted(Reason.MALFORMED) from None
    if not isinstance(value, dict):
        raise Untrusted(Reason.MALFORMED)
    return value


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
