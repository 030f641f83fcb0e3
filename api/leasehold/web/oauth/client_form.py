"""How a client authenticates at the token endpoint (RFC 6749 §2.3, RFC 7521 §4.2), and the client credentials grant."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_plus

from leasehold.authn.clients import JWT_BEARER, JWT_SPIFFE, ClientCredential
from leasehold.exchange.client_credentials import ClientRequest
from leasehold.model.possession import Possession
from leasehold.model.tokens import UnverifiedToken
from leasehold.web.asgi import Scope
from leasehold.web.oauth.exchange_form import details_of, resource_of, scopes_of
from leasehold.web.oauth.forms import Form, InvalidClient, InvalidRequest, header
from leasehold.web.oauth.task_form import task_of

_ASSERTION_TYPES = frozenset({JWT_BEARER, JWT_SPIFFE})


def client_credential(scope: Scope, form: Form) -> ClientCredential:
    """What the client presents, by exactly one method (RFC 6749 §2.3). Raises `InvalidRequest`."""
    basic = _basic(header(scope, b"authorization"))
    methods = sum((basic is not None, "client_assertion" in form, "client_secret" in form))
    if methods == 0:
        raise InvalidClient("the client does not authenticate")
    if methods > 1:
        raise InvalidRequest("the client authenticates in more than one way")
    client_id = form.get("client_id")
    if basic is not None:
        if client_id not in {None, basic[0]}:
            raise InvalidRequest("client_id is not that of the Authorization header")
        return ClientCredential(client_id=basic[0], secret=basic[1])
    if "client_secret" in form:
        return ClientCredential(client_id=client_id, secret=form["client_secret"])
    if form.get("client_assertion_type") not in _ASSERTION_TYPES:
        raise InvalidRequest("client_assertion_type is missing or unknown")
    return ClientCredential(
        client_id=client_id or None,
        assertion_type=form["client_assertion_type"],
        assertion=UnverifiedToken(form["client_assertion"]),
    )


def credential_or_public(scope: Scope, form: Form) -> ClientCredential:
    """The same, or the bare id of a client that has nothing to present. Raises `InvalidRequest`."""
    if authenticates(scope, form) or header(scope, b"authorization") or "client_id" not in form:
        return client_credential(scope, form)
    return ClientCredential(client_id=form["client_id"])


def authenticates(scope: Scope, form: Form) -> bool:
    """True iff something is presented that is to prove who the client is."""
    presents = {"client_assertion", "client_assertion_type", "client_secret"} & form.keys()
    return bool(presents) or _basic(header(scope, b"authorization")) is not None


def is_public(credential: ClientCredential) -> bool:
    """True iff only the name of a client was said."""
    return credential.assertion is None and credential.secret is None


def client_request(scope: Scope, form: Form, proof: Possession | None) -> ClientRequest:
    """What a client asks for, for itself. Raises `InvalidRequest`."""
    return ClientRequest(
        credential=client_credential(scope, form),
        resource=resource_of(form),
        scopes=scopes_of(form),
        details=details_of(form),
        proof=proof,
        task=task_of(form),
    )


def _basic(value: str) -> tuple[str, str] | None:
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidRequest("the Authorization header is not understood") from None
    client_id, _, secret = text.partition(":")
    return unquote_plus(client_id), unquote_plus(secret)
