"""The login itself: to a person's issuer and back, whatever they log in for."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from leasehold.exchange.on_behalf import challenge_of
from leasehold.model.consents import Pending, Stage
from leasehold.model.trust import Login, TrustIssuer

LOGIN_FOR = timedelta(minutes=10)
CALLBACK = "/oauth2/login/callback"


class AuthorizationRefused(Exception):
    """The person is told here, and sent nowhere: there is no address that could be trusted with them."""


class OpenLogins:
    """Logins that anybody may begin. Nothing is kept: what they were begun for travels in `state`, under a MAC.

    Whoever knocks writes no row, however often. A state is good for the browser that began it, for ten minutes. To use
    it twice takes a second code of the issuer, for the same person in the same browser. Replicas share `key`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def state(self, detail: Mapping[str, str], now: datetime) -> str:
        """What leads back to a login for `detail`."""
        told = json.dumps({"detail": detail, "until": (now + LOGIN_FOR).timestamp()}, separators=(",", ":")).encode()
        return f"{_text(told)}.{_text(self._mac(told))}"

    def find(self, state: str) -> Pending | None:
        """The login that a state leads back to, over or not; None if it is none of ours."""
        told, dot, mac = state.partition(".")
        try:
            raw, given = _bytes(told), _bytes(mac)
        except ValueError:
            return None
        if not dot or not hmac.compare_digest(self._mac(raw), given):
            return None
        found = json.loads(raw)
        return Pending(
            digest="",
            stage=Stage.LOGIN,
            agent="",
            redirect_uri="",
            challenge="",
            state=None,
            resource="",
            scopes=frozenset(),
            expires_at=datetime.fromtimestamp(found["until"], UTC),
            detail=tuple(found["detail"].items()),
        )

    def _mac(self, told: bytes) -> bytes:
        return hmac.digest(self._key, b"login\n" + told, "sha256")


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


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises `ValueError`."""
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
