"""Tokens at the trust boundary: what is asked of one before it is believed, and what is known once it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from leasehold.model.errors import LeaseholdError

UnverifiedToken = NewType("UnverifiedToken", str)
"""A bearer string that nobody has checked."""

LEEWAY = timedelta(seconds=30)
"""How far another clock may run ahead of ours. Replays are remembered this much longer than a token lives, so that a
replica whose clock runs behind cannot accept a token that was forgotten here. An expiry gets no leeway."""

MAX_TOKEN_BYTES = 16_384
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  RFC 9068 §2.1


class Flaw(StrEnum):
    """Why a token is not believed. For audit only: a caller learns no more than that it was not accepted."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    HEADER_REFUSED = "header_refused"
    WRONG_TYPE = "wrong_type"
    ALGORITHM_REFUSED = "algorithm_refused"
    UNKNOWN_ISSUER = "unknown_issuer"
    AMBIGUOUS_ISSUER = "ambiguous_issuer"
    UNKNOWN_KEY = "unknown_key"
    KEYS_UNAVAILABLE = "keys_unavailable"
    BAD_SIGNATURE = "bad_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    MISSING_CLAIM = "missing_claim"
    BAD_CLAIM = "bad_claim"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    TOO_LONG_LIVED = "too_long_lived"
    LEGACY_TOKEN = "legacy_token"  # noqa: S105
    EVENT_REFUSED = "event_refused"
    LEASE_ENDED = "lease_ended"
    DOCUMENT_REFUSED = "client_document_refused"
    UNBOUND = "unbound"


class TokenRefused(LeaseholdError):
    """A token is not believed. `flaw` is for audit; the message is the one that every caller gets."""

    code = "token_refused"

    def __init__(self, flaw: Flaw) -> None:
        self.flaw = flaw
        super().__init__("the token was not accepted")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProfile:
    """What a token must be.

    `audiences` None takes any single audience: for a token that is examined, not accepted. `types` are values of the
    `typ` header in lower case, `""` standing for none at all. `waived`: claims that this issuer may leave out, `iss`
    then being implied by its keys, and `iat` by the time of use.
    """

    issuer: str
    audiences: frozenset[str] | None
    algorithms: frozenset[str]
    types: frozenset[str]
    required: frozenset[str]
    max_ttl: timedelta
    waived: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedClaims:
    """What a token says of itself. Good for choosing which keys to check it with, and for nothing else.

    `parts` is the token taken apart, for the room that checks it; `subject` is empty if it names none.
    """

    issuer: str
    parts: object = field(repr=False)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """A token that somebody asks about: its flaws, and its claims if at least the proof of them holds.

    Lets nobody in: the claims may be old, or for another audience.
    """

    claims: VerifiedClaims | None
    flaws: tuple[Flaw, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedClaims:
    """What a token says, signed by its issuer and within its profile. Only `keys` makes one.

    `digest` is the SHA-256 (hex) of the signing input: unlike the signature it cannot be written in two ways.
    """

    issuer: str
    subject: str
    audience: str
    issued_at: datetime
    expires_at: datetime
    token_id: str | None
    digest: str
    claims: Mapping[str, object] = field(repr=False)
