"""Why a token does not open the door."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """For the resource server's own log. A caller learns `invalid_token` or `insufficient_scope`, and no more."""

    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_AUDIENCE = "wrong_audience"
    BAD_CLAIM = "bad_claim"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    NOT_KNOWN_ALIVE = "not_known_alive"
    """The feed is too old for this tool, and introspection does not answer."""
    UNPROVEN = "unproven"
    """The token is bound to a key (RFC 9449) that the caller did not prove to hold."""
    NOT_ALLOWED = "not_allowed"


class Untrusted(Exception):
    """Something signed is not believed."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)
