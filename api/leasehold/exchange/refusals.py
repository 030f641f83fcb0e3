"""Why no token was issued: the reason for audit, and the little that a caller is told."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from leasehold.model.errors import LeaseholdError
from leasehold.model.tokens import Flaw
from leasehold.policy.delegating import DelegationReason
from leasehold.policy.tasks import TaskReason
from leasehold.policy.wishes import LeaseReason


class ExchangeReason(StrEnum):
    """Reasons that only an exchange has."""

    NO_BINDING = "no_binding"
    AMBIGUOUS_BINDING = "ambiguous_binding"
    AGENT_GONE = "agent_gone"
    REPLAYED = "replayed"
    CLIENT_REFUSED = "client_refused"
    GRANT_REFUSED = "grant_refused"
    CODE_GONE = "code_gone"
    CODE_REFUSED = "code_refused"
    NO_CONSENT = "no_consent"
    REVOKED = "revoked"
    OTHER_RESOURCE = "other_resource_than_consented"
    REFRESH_GONE = "refresh_gone"
    REFRESH_REUSED = "refresh_reused"
    NO_LOGIN = "no_login"
    REDIRECT_REFUSED = "redirect_refused"
    TASK_REFUSED = "task_refused"
    DETAILS_REFUSED = "details_refused"
    TOKEN_TOO_LARGE = "token_too_large"  # noqa: S105
    WORKLOAD_GONE = "workload_gone"
    CLUSTER_UNHEARD = "cluster_unheard"


Reason: TypeAlias = Flaw | LeaseReason | DelegationReason | TaskReason | ExchangeReason

# RFC 6749 §5.2, RFC 8707 §2. One answer for "unknown" and "not allowed": whoever asks learns nothing of what exists.
_INVALID_GRANT = ("invalid_grant", "the subject token was not accepted")
_ASK_AGAIN = ("invalid_grant", "the refresh token was not accepted: authorize again")
_NOT_NARROWER = ("invalid_scope", "a sub-agent gets strictly less than its parent has, and no more than its own grants")
_ANSWERS: dict[Reason, tuple[str, str]] = {
    LeaseReason.NOTHING_GRANTED: ("invalid_target", "the resource is unknown or nothing on it is granted"),
    LeaseReason.SCOPE_EXCEEDED: ("invalid_scope", "the scope exceeds what is granted"),
    LeaseReason.DETAILS_EXCEEDED: ("invalid_authorization_details", "the authorization_details exceed what is granted"),
    ExchangeReason.GRANT_REFUSED: ("unauthorized_client", "the client is not registered for this grant type"),
    ExchangeReason.REDIRECT_REFUSED: ("invalid_request", "the redirect_uri is not registered"),
    ExchangeReason.OTHER_RESOURCE: ("invalid_target", "the resource is not the one that was consented to"),
    ExchangeReason.REFRESH_GONE: _ASK_AGAIN,
    ExchangeReason.REFRESH_REUSED: _ASK_AGAIN,
    ExchangeReason.NO_LOGIN: ("invalid_request", "name the trust issuer to log in at in `issuer`"),
    LeaseReason.PROOF_MISSING: ("invalid_dpop_proof", "this agent must prove that it holds a key"),
    DelegationReason.OTHER_RESOURCE: ("invalid_target", "the resource is not that of the tokens"),
    DelegationReason.PARENT_UNPROVEN: (
        "invalid_dpop_proof",
        "the subject token is bound to a key: prove that you hold it",
    ),
    DelegationReason.BEYOND_PARENT: _NOT_NARROWER,
    DelegationReason.BEYOND_ACTOR: _NOT_NARROWER,
    DelegationReason.NOT_NARROWER: _NOT_NARROWER,
    DelegationReason.UNDECIDABLE: _NOT_NARROWER,
    ExchangeReason.DETAILS_REFUSED: ("invalid_authorization_details", "the authorization_details are not understood"),
    ExchangeReason.TASK_REFUSED: ("invalid_request", "the task was not accepted"),
    TaskReason.NOT_YOURS: ("invalid_request", "the task was not accepted"),
    TaskReason.OVER: ("invalid_request", "the task was not accepted"),
    ExchangeReason.TOKEN_TOO_LARGE: (
        "invalid_scope",
        "the token would be too large: ask for fewer scopes, or less in details",
    ),
}


class ExchangeRefused(LeaseholdError):
    """No token. `code` is the OAuth error; `reason` is for audit only."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        self.code, message = _ANSWERS.get(reason, _INVALID_GRANT)
        super().__init__(message)


class ClientRefused(ExchangeRefused):
    """The client is not who it says, or nobody we know: one answer for both (RFC 6749 §5.2)."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.code = "invalid_client"
        self.args = ("the client was not authenticated",)
