"""The compact form of a JWS, taken apart strictly. Nothing here is verified yet."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NoReturn

import orjson

from leasehold.model.tokens import MAX_TOKEN_BYTES, Flaw, TokenRefused, UnverifiedToken

# Anything else is refused rather than ignored: `jku`, `x5u`, `jwk` and `x5c` bring a key of the sender's choice,
# `crit`, `b64` and `zip` change what a signature means (RFC 7515 §4.1, RFC 7797).
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
_PROOF_MEMBERS = frozenset({"alg", "typ", "jwk"})  # RFC 9449 §4.2: the one JWT that brings its own key
_SEGMENTS = 3
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class _Header:
    """The first part of a token."""

    algorithm: str
    key_id: str | None
    type: str
    jwk: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A token taken apart: header, claims, and the bytes that the signature is over."""

    algorithm: str
    key_id: str | None
    type: str
    claims: dict[str, object]
    signing_input: bytes
    signature: bytes
    jwk: Mapping[str, object] | None = None


def parse(unverified_token: UnverifiedToken, members: frozenset[str] = _HEADER_MEMBERS) -> UnverifiedJws:
    """Take a token apart. Raises `TokenRefused` for whatever a strict issuer would not write."""
    if len(unverified_token) > MAX_TOKEN_BYTES:
        raise TokenRefused(Flaw.TOO_LARGE)
    segments = unverified_token.split(".")
    if len(segments) != _SEGMENTS or not unverified_token.isascii():
        raise TokenRefused(Flaw.MALFORMED)
    header = _header(segments[0], members)
    return UnverifiedJws(
        algorithm=header.algorithm,
        key_id=header.key_id,
        type=header.type,
        claims=json_object(decode(segments[1])),
        signing_input=unverified_token.rpartition(".")[0].encode(),
        signature=decode(segments[2]),
        jwk=header.jwk,
    )


# All tokens of one key begin alike. What is refused is not kept.
@lru_cache(maxsize=256)
def _header(segment: str, members: frozenset[str]) -> _Header:
    header = json_object(decode(segment))
    jwk = header.get("jwk")
    if not header.keys() <= members or not (jwk is None or isinstance(jwk, dict)):
        raise TokenRefused(Flaw.HEADER_REFUSED)
    return _Header(
        algorithm=_text(header, "alg") or "",
        key_id=_text(header, "kid"),
        type=(_text(header, "typ") or "").lower().removeprefix("application/"),  # RFC 7515 §4.1.9
        jwk=MappingProxyType(jwk) if jwk is not None else None,
    )


def parse_proof(unverified_token: UnverifiedToken) -> UnverifiedJws:
    """Take a proof of possession apart, whose header brings its key. Raises `TokenRefused`."""
    return parse(unverified_token, _PROOF_MEMBERS)


def encode(raw: bytes) -> bytes:
    """Base64url without padding (RFC 7515 §2)."""
    return binascii.b2a_base64(raw, newline=False).rstrip(b"=").translate(_TO_URL)


def decode(segment: str) -> bytes:
    """Base64url without padding, in its one spelling. Raises `TokenRefused`."""
    try:
        spelled = segment.encode("ascii")
        raw = binascii.a2b_base64(spelled.translate(_FROM_URL) + b"=" * (-len(spelled) % 4), strict_mode=True)
    except ValueError:  # of which those for stray characters and bad padding are kinds
        raise TokenRefused(Flaw.MALFORMED) from None
    if encode(raw) != spelled:  # the other alphabet, or stray bits in the last character: one token, two spellings
        raise TokenRefused(Flaw.MALFORMED)
    return raw


def json_object(raw: bytes) -> dict[str, object]:
    """A JSON object with every key once. Raises `TokenRefused`."""
    try:
        value = _written_back(raw) or _DECODER.decode(raw.decode())
    except (ValueError, RecursionError):
        raise TokenRefused(Flaw.MALFORMED) from None
    if not isinstance(value, dict):
        raise TokenRefused(Flaw.MALFORMED)
    return value


def _written_back(raw: bytes) -> object:
    """What the text says, if that is written back to the letter; None if it is not.

    Then no key stood there twice, for nothing is written twice, and both readers read the same: most issuers write so,
    without spaces, and it takes a third of the time.
    """
    try:
        value = orjson.loads(raw)
        return value if orjson.dumps(value) == raw else None
    except (ValueError, TypeError):  # beyond what orjson reads or writes: deep, or of numbers that are too large
        return None


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # RFC 7519 §4: names within a claims set are unique; two readers could else see two tokens.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate member")
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: `json.loads` makes a decoder for each text that is read with rules of one's own.
_DECODER = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)


def _text(header: dict[str, object], member: str) -> str | None:
    value = header.get(member)
    if value is not None and not isinstance(value, str):
        raise TokenRefused(Flaw.HEADER_REFUSED)
    return value
