"""The parameters of a token exchange (RFC 8693 §2.1), and its answer (§2.2.1)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from leasehold.exchange.issuing import Issued
from leasehold.exchange.metadata import TOKEN_EXCHANGE
from leasehold.exchange.records import ExchangeRequest
from leasehold.model.possession import Possession
from leasehold.model.tokens import UnverifiedToken
from leasehold.web.oauth.forms import Form, InvalidRequest, InvalidTarget, UnsupportedGrantType
from leasehold.web.oauth.task_form import task_of
from leasehold.web.strict_json import load_json

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  RFC 8693 §3
JWT = "urn:ietf:params:oauth:token-type:jwt"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  RFC 8693 §3
AWS_STS = "urn:leasehold:token-type:aws-sts"  # a signed GetCallerIdentity
_SUBJECT_TYPES = frozenset({JWT, ID_TOKEN, AWS_STS})
_REQUESTED_TYPES = frozenset({ACCESS_TOKEN, JWT})


def exchange_request(form: Form, proof: Possession | None = None) -> ExchangeRequest:
    """What a form asks for. Raises `InvalidRequest`."""
    if form.get("grant_type") is None:
        raise InvalidRequest("grant_type is missing")
    if form["grant_type"] != TOKEN_EXCHANGE:
        raise UnsupportedGrantType("the grant type is not one of grant_types_supported")
    if form.get("subject_token") is None:
        raise InvalidRequest("subject_token is missing")
    if form.get("subject_token_type") not in _SUBJECT_TYPES:
        raise InvalidRequest(f"subject_token_type must be {JWT}, {ID_TOKEN} or {AWS_STS}")
    if form["subject_token_type"] == AWS_STS and "." in form["subject_token"]:
        raise InvalidRequest("subject_token is not of the type that subject_token_type says")
    if form.get("requested_token_type", ACCESS_TOKEN) not in _REQUESTED_TYPES:
        raise InvalidRequest(f"requested_token_type can only be {ACCESS_TOKEN} or {JWT}")
    if "actor_token" in form or "actor_token_type" in form:
        raise InvalidRequest("an actor_token is not accepted: the agent of the subject acts")
    return ExchangeRequest(
        subject_token=UnverifiedToken(form["subject_token"]),
        resource=resource_of(form),
        scopes=scopes_of(form),
        details=details_of(form),
        agent=form.get("client_id"),
        stack=form.get("stack"),
        proof=proof,
        task=task_of(form),
    )


def exchange_answer(issued: Issued, now: datetime) -> dict[str, object]:
    """The answer to an exchange."""
    answer: dict[str, object] = {
        "access_token": issued.access_token,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer" if issued.key is None else "DPoP",  # RFC 9449 §5
        "expires_in": int((issued.lease.expires_at - now).total_seconds()),
        "scope": " ".join(sorted(issued.lease.scopes)),
        "lease": issued.lease.id,
    }
    if issued.refresh_token is not None:
        answer["refresh_token"] = issued.refresh_token
    if issued.lease.agent is None:
        answer["stack"] = issued.stack
    else:
        answer["authorization_details"] = issued.details  # RFC 9396 §7
    return answer


def scopes_of(form: Form) -> frozenset[str] | None:
    """The scopes asked for, None for all there are (RFC 6749 §3.3)."""
    return frozenset(form["scope"].split(" ")) if "scope" in form else None


def details_of(form: Form) -> object:
    """The `authorization_details` asked for (RFC 9396 §2), read as JSON and no further; None for none."""
    if "authorization_details" not in form:
        return None
    try:
        return load_json(form["authorization_details"])
    except (ValueError, RecursionError):
        raise InvalidRequest("authorization_details must be JSON, each key once") from None


def resource_of(form: Form) -> str:
    """The one resource, as `resource` (RFC 8707) or `audience` (RFC 8693)."""
    resource = form.get("resource", form.get("audience"))
    if resource is None:
        raise InvalidRequest("resource is missing")
    if form.get("audience", resource) != resource:
        raise InvalidTarget("name one resource")
    try:
        parts = urlsplit(resource)
    except ValueError:
        raise InvalidTarget("the resource must be an absolute URI") from None
    if not parts.scheme or not parts.netloc or "#" in resource:
        raise InvalidTarget("the resource must be an absolute URI without a fragment")
    return resource
