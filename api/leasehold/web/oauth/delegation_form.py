"""The parameters of an exchange with `actor_token` (RFC 8693 §2.1)."""

from __future__ import annotations

from leasehold.exchange.families import DelegationRequest
from leasehold.exchange.metadata import TOKEN_EXCHANGE
from leasehold.model.possession import Possession
from leasehold.model.tokens import UnverifiedToken
from leasehold.web.asgi import Scope
from leasehold.web.oauth.client_form import authenticates
from leasehold.web.oauth.exchange_form import ACCESS_TOKEN, AWS_STS, ID_TOKEN, JWT, details_of, resource_of, scopes_of
from leasehold.web.oauth.forms import Form, InvalidClient, InvalidRequest

_ACTOR_TYPES = frozenset({ACCESS_TOKEN, JWT, ID_TOKEN, AWS_STS})


def is_delegation(form: Form) -> bool:
    """True iff an access token of ours is to be delegated from."""
    return form.get("grant_type") == TOKEN_EXCHANGE and form.get("subject_token_type") == ACCESS_TOKEN


def refuse_misplaced(scope: Scope, form: Form) -> None:
    """Raise `InvalidRequest` for what would be ignored: it asks for less than would be given, or proves nothing."""
    exchange = form.get("grant_type") == TOKEN_EXCHANGE
    if exchange and authenticates(scope, form):
        raise InvalidClient(
            "a token exchange takes no client authentication: subject_token or actor_token says who asks"
        )
    if "authorization_details" in form and not (exchange or form.get("grant_type") == "client_credentials"):
        raise InvalidRequest("authorization_details narrow what an agent gets for itself: here, ask by scope")
    if "task_deadline" in form and ("task" not in form or is_delegation(form)):
        raise InvalidRequest("task_deadline belongs to the request that opens the task")


def delegation_request(form: Form, proof: Possession | None) -> DelegationRequest:
    """What a form asks for a sub-agent. Raises `InvalidRequest`."""
    if "subject_token" not in form:
        raise InvalidRequest("subject_token is missing")
    if "actor_token" not in form:
        # Whoever acts must say so anew each time: without it, who acts now would be lost or made up.
        raise InvalidRequest("an access token is exchanged only with an actor_token")
    if form.get("actor_token_type") not in _ACTOR_TYPES:
        raise InvalidRequest(f"actor_token_type must be {', '.join(sorted(_ACTOR_TYPES))}")
    if form.get("requested_token_type", ACCESS_TOKEN) not in {ACCESS_TOKEN, JWT}:
        raise InvalidRequest(f"requested_token_type can only be {ACCESS_TOKEN} or {JWT}")
    if "scope" not in form and "authorization_details" not in form:
        raise InvalidRequest("say what the sub-agent is to get: scope or authorization_details is missing")
    return DelegationRequest(
        subject_token=UnverifiedToken(form["subject_token"]),
        actor_token=UnverifiedToken(form["actor_token"]),
        actor_is_ours=form["actor_token_type"] == ACCESS_TOKEN,
        resource=resource_of(form),
        scopes=scopes_of(form),
        details=details_of(form),
        agent=form.get("client_id"),
        task=form.get("task"),
        proof=proof,
    )
