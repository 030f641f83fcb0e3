"""The login itself: to a person's issuer and back, whatever they log in for."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from urllib.parse import urlencode

from leasehold.exchange.on_behalf import challenge_of
from leasehold.model.consents import Pending, Stage
from leasehold.model.trust import Login, TrustIssuer

LOGIN_FOR = timedelta(minutes=10)
CALLBACK = "/oauth2/login/callback"


class AuthorizationRefused(Exception):
    """The person is told here, and sent nowhere: there is no address that could be trusted with them."""


def begun(digest: str, now: datetime, detail: tuple[tuple[str, str], ...]) -> Pending:
    """A login that no agent asked for."""
    return Pending(
        digest=digest,
        stage=Stage.LOGIN,
        agent="",
        redirect_uri="",
        challenge="",
        state=None,
        resource="",
        scopes=frozenset(),
        expires_at=now + LOGIN_FOR,
        detail=detail,
    )


def login_of(issuer: TrustIssuer) -> Login:
    """How people log in there. Raises `AuthorizationRefused`."""
    if issuer.login is None:
        raise AuthorizationRefused("nobody can log in there any more")
    return issuer.login


def login_url(own: str, issuer: TrustIssuer, state: str, browser: str, *, silent: bool) -> str:
    """Where the browser goes to log in; `own` is our address."""
    login = login_of(issuer)
    fields = {
        "response_type": "code",
        "client_id": login.client_id,
        "redirect_uri": own + CALLBACK,
        "scope": " ".join(sorted(login.scopes)),
        "state": state,
        "nonce": derived("nonce", browser),
        "code_challenge": challenge_of(derived("verifier", browser)),
        "code_challenge_method": "S256",
        **({"prompt": "none"} if silent else {}),
    }
    return f"{login.authorization_endpoint}?{urlencode(fields)}"


def derived(what: str, browser: str) -> str:
    """A value that only the browser's cookie can bring again: nothing of it is kept here."""
    return hmac.digest(browser.encode(errors="replace"), what.encode(), "sha256").hex()
