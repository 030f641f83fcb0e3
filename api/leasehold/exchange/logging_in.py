"""The login itself: to a person's issuer and back, whatever they log in for."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from leasehold.authn.people import Person, authenticate_login
from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.exchange.on_behalf import challenge_of
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.views import Views
from leasehold.model.consents import Pending, Stage
from leasehold.model.tokens import TokenRefused, UnverifiedToken
from leasehold.model.trust import Login, TrustIssuer

LOGIN_FOR = timedelta(minutes=10)
CALLBACK = "/oauth2/login/callback"


class AuthorizationRefused(Exception):
    """The person is told here, and sent nowhere: there is no address that could be trusted with them."""


class LoginClient(Protocol):
    """Redeems the code of a login at the issuer's token endpoint. Raises `TokenRefused`."""

    async def redeem(self, issuer: TrustIssuer, login: Login, fields: Mapping[str, str]) -> UnverifiedToken: ...


class LoggingIn:
    """Sends people to log in at an issuer of theirs, and learns who came back. `own` is our address.

    `open` are logins that anybody may begin.
    """

    def __init__(
        self, *, own: str, verifier: SubjectTokenVerifier, logins: LoginClient, views: Views, open_logins: OpenLogins
    ) -> None:
        self.open = open_logins
        self._own = own
        self._verifier = verifier
        self._logins = logins
        self._views = views

    async def issuer_named(self, wanted: str | None) -> tuple[str, TrustIssuer]:
        """The issuer of this name, or the only one where people log in. Raises `ExchangeRefused`."""
        issuers = await self._views.issuers(self._views.pieces)
        found = {name: issuer for named in issuers.values() for name, issuer in named if issuer.login is not None}
        if wanted is not None:
            found = {name: issuer for name, issuer in found.items() if name == wanted}
        if len(found) != 1:
            raise ExchangeRefused(ExchangeReason.NO_LOGIN)
        return next(iter(found.items()))

    async def issuer_of(self, pending: Pending) -> TrustIssuer:
        """Where this authorization logs in, if people still do so there. Raises `AuthorizationRefused`.

        INVARIANT: as of now. A login takes minutes, and what ends it may be that this very issuer was broken into.
        """
        await self._views.refresh(self._views.pieces)
        try:
            return (await self.issuer_named(pending.get("issuer")))[1]
        except ExchangeRefused as refused:
            raise AuthorizationRefused("nobody can log in there any more") from refused

    def url(self, issuer: TrustIssuer, state: str, browser: str, *, prompt: str = "") -> str:
        """Where the browser goes to log in, asking what `prompt` says. Raises `AuthorizationRefused`."""
        login = login_of(issuer)
        fields = {
            "response_type": "code",
            "client_id": login.client_id,
            "redirect_uri": self._own + CALLBACK,
            "scope": " ".join(sorted(login.scopes)),
            "state": state,
            "nonce": derived("nonce", browser, state),
            "code_challenge": challenge_of(derived("verifier", browser, state)),
            "code_challenge_method": "S256",
            **({"prompt": prompt} if prompt else {}),
        }
        return f"{login.authorization_endpoint}?{urlencode(fields)}"

    async def person(
        self, pending: Pending, issuer: TrustIssuer, answer: Mapping[str, str], browser: str, now: datetime
    ) -> Person:
        """Who came back to this browser with a code and the state it left with. Raises `AuthorizationRefused`."""
        state = answer.get("state", "")
        login = login_of(issuer)
        fields = {
            "grant_type": "authorization_code",
            "code": answer.get("code", ""),
            "redirect_uri": self._own + CALLBACK,
            "client_id": login.client_id,
            "code_verifier": derived("verifier", browser, state),
        }
        try:
            id_token = await self._logins.redeem(issuer, login, fields)
            return await authenticate_login(
                id_token,
                pending.get("issuer"),
                issuer,
                login,
                nonce=derived("nonce", browser, state),
                verifier=self._verifier,
                now=now,
            )
        except TokenRefused as refused:
            raise AuthorizationRefused("the login was not accepted") from refused


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
        told = found["detail"]
        return Pending(
            digest="",
            stage=Stage.LOGIN,
            agent=told.pop("agent", ""),
            redirect_uri=told.pop("redirect_uri", ""),
            challenge=told.pop("challenge", ""),
            state=told.pop("state", None),
            resource=told.pop("resource", ""),
            scopes=frozenset(),
            expires_at=datetime.fromtimestamp(found["until"], UTC),
            detail=tuple(told.items()),
        )

    def _mac(self, told: bytes) -> bytes:
        return hmac.digest(self._key, b"login\n" + told, "sha256")


def login_of(issuer: TrustIssuer) -> Login:
    """How people log in there. Raises `AuthorizationRefused`."""
    if issuer.login is None:
        raise AuthorizationRefused("nobody can log in there any more")
    return issuer.login


def derived(what: str, browser: str, state: str) -> str:
    """A value of one login that only the browser's cookie can bring again: nothing of it is kept here."""
    return hmac.digest(browser.encode(errors="replace"), f"{what}\n{state}".encode(errors="replace"), "sha256").hex()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises `ValueError`."""
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
