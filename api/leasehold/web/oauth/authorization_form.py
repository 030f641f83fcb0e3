"""The parameters of authorization requests: pushed by a client (RFC 9126 §2.1), or of a browser (RFC 6749 §4.1.1)."""

from __future__ import annotations

from leasehold.authn.possession import key_of
from leasehold.exchange.client_credentials import ClientRequest
from leasehold.exchange.plain_requests import PlainRequest
from leasehold.exchange.pushing import PushedRequest
from leasehold.model.possession import Possession
from leasehold.web.asgi import Scope
from leasehold.web.oauth.client_form import client_credential
from leasehold.web.oauth.exchange_form import resource_of, scopes_of
from leasehold.web.oauth.forms import Form, InvalidRequest, UnsupportedResponseType

STATE_LIMIT = 1024
_CHALLENGE_LENGTH = _THUMBPRINT_LENGTH = 43  # base64url of a SHA-256
_BASE64_URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
URL_SAFE = _BASE64_URL | {".", "~"}
_PROMPTS = frozenset({"none", "consent", "login", "select_account"})  # OpenID Connect Core §3.1.2.1
# OpenID Connect Core §5.4 and §11: what clients ask for where nobody told them any scope (mcp-remote does), or to be
# given a refresh token. They are no tools: RFC 6749 §3.3 lets a server leave out what it has not.
_OF_LOGINS = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})


def pushed_request(scope: Scope, form: Form, proof: Possession | None) -> PushedRequest:
    """What an agent pushes: the code flow with PKCE, nothing else. Raises `InvalidRequest`."""
    challenge = _challenge(form)
    if "redirect_uri" not in form:
        raise InvalidRequest("redirect_uri is missing")
    if form.get("prompt", "none") != "none":
        raise InvalidRequest("prompt can only be none")
    credential = client_credential(scope, form)
    return PushedRequest(
        # Proof is asked for where the token is issued; here it is only found out whether there would be one.
        client=ClientRequest(
            credential=credential, resource=resource_of(form), scopes=scopes_of(form), proof=proof, asks=True
        ),
        redirect_uri=form["redirect_uri"],
        challenge=challenge,
        state=state_of(form),
        issuer=form.get("issuer"),
        silent="prompt" in form,
        key=_key(form, proof),
    )


def plain_request(query: Form) -> PlainRequest:
    """What a browser brings from a public client: the code flow with PKCE, nothing else. Raises `InvalidRequest`."""
    challenge = _challenge(query)
    prompts = frozenset(query.get("prompt", "").split())
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequest("prompt can be consent, login, select_account or none")
    return PlainRequest(
        challenge=challenge,
        state=state_of(query),
        resource=resource_of(query),
        scopes=tool_scopes(query),
        issuer=query.get("issuer"),
        prompts=prompts,
        key=_key(query, None),
    )


def tool_scopes(form: Form) -> frozenset[str] | None:
    """The tools that a public client asks for, None for all there are."""
    scopes = scopes_of(form)
    return scopes - _OF_LOGINS or None if scopes is not None else None


def state_of(form: Form) -> str | None:
    """What the client wants back. Raises `InvalidRequest` for what could not be sent there."""
    state = form.get("state")
    if state is not None and (len(state) > STATE_LIMIT or not state.isascii() or not state.isprintable()):
        raise InvalidRequest(f"state must be at most {STATE_LIMIT} printable ASCII characters")
    return state


def _challenge(form: Form) -> str:
    """The S256 challenge of a request for a code. Raises `InvalidRequest`."""
    if form.get("response_type") != "code":
        raise UnsupportedResponseType("response_type must be code")
    if form.get("response_mode", "query") != "query" or "request" in form or "request_uri" in form:
        raise InvalidRequest("response_mode can only be query, and request objects are not taken")
    if misplaced := {"task", "task_deadline", "authorization_details"} & form.keys():  # RFC 9396 §5
        raise InvalidRequest(f"{min(misplaced)} is not asked for here: what would be ignored is refused")
    challenge = form.get("code_challenge", "")
    # RFC 9700 §2.1.1: no method but S256, and no request without a challenge, whatever the client would settle for.
    if form.get("code_challenge_method") != "S256" or len(challenge) != _CHALLENGE_LENGTH or set(challenge) - URL_SAFE:
        raise InvalidRequest("code_challenge with code_challenge_method S256 is required")
    return challenge


def _key(form: Form, proof: Possession | None) -> str | None:
    """The key that the code is bound to: told by its thumbprint, proved, or both alike (RFC 9449 §10.1)."""
    told, proved = form.get("dpop_jkt"), key_of(proof)
    if told is not None and (len(told) != _THUMBPRINT_LENGTH or set(told) - _BASE64_URL):
        raise InvalidRequest("dpop_jkt is not the SHA-256 thumbprint of a key")
    if None not in {told, proved} and told != proved:
        raise InvalidRequest("dpop_jkt is not of the key that the proof is of")
    return told or proved
