"""Why no token was issued: the reason for audit, and the little that a caller is told."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from leasehold.model.errors import LeaseholdError
from leasehold.model.tokens import Flaw
from leasehold.policy.leasing import LeaseReason


class ExchangeReason(StrEnum):
    """Reasons that only an exchange has."""

    NO_BINDING = "no_binding"
    AMBIGUOUS_BINDING = "ambiguous_binding"
    AGENT_GONE = "agent_gone"
    REPLAYED = "replayed"
    TOKEN_TOO_LARGE = "token_too_large"  # noqa: S105


Reason: TypeAlias = Flaw | LeaseReason | ExchangeReason

# RFC 6749 §5.2, RFC 8707 §2. One answer for "unknown" and "not allowed": whoever asks learns nothing of what exists.
_INVALID_GRANT = ("invalid_grant", "the subject token was not accepted")
_ANSWERS: dict[Reason, tuple[str, str]] = {
    LeaseReason.NOTHING_GRANTED: ("invalid_target", "the resource is unknown or nothing on it is granted"),
    LeaseReason.SCOPE_EXCEEDED: ("invalid_scope", "the scope exceeds what is granted"),
    LeaseReason.PROOF_MISSING: ("invalid_dpop_proof", "this agent must prove that it holds a key"),
    ExchangeReason.TOKEN_TOO_LARGE: ("invalid_scope", "the token would be too large: ask for fewer scopes"),
}


class ExchangeRefused(LeaseholdError):
    """No token. `code` is the OAuth error; `reason` is for audit only."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        self.code, message = _ANSWERS.get(reason, _INVALID_GRANT)
        super().__init__(message)
