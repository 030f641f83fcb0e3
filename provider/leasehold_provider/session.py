"""The registry token of one provider process: exchanged, renewed before it ends, revoked when the process does.

Bound to a key of this run (RFC 9449). Both are held in memory alone, and reach no message, log, plan or state.
"""

from __future__ import annotations

from threading import Lock
from time import monotonic

from .client import ConnectionLost
from .identity import checked
from .possession import Possession
from .problems import plain
from .protocol import DiagnosticError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .client import Answer, Headers, HttpClient
    from .identity import Source
    from .retry import Retry

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # RFC 8693 §2.1
JWT = "urn:ietf:params:oauth:token-type:jwt"  # RFC 8693 §3
_ENDPOINT = "/oauth2/token"
_RENEW_AT = 0.8
_GOODBYE_SECONDS = 1.0
_RENEWAL_PAUSE_SECONDS = 5.0
_OK = 200


class Issued:
    """What an exchange gave. `lifetime` in seconds from now."""

    __slots__ = ("bound", "lease", "lifetime", "scope", "stack", "token")

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.token = checked(str(members["access_token"]), "the registry's answer")
        self.lifetime = float(members["expires_in"])
        self.scope = str(members.get("scope") or "")
        self.lease = members.get("lease")
        self.stack = members.get("stack")
        self.bound = str(members.get("token_type", "")).lower() == "dpop"  # RFC 9449 §5


def exchange(
    client: HttpClient, retry: Retry, form: Mapping[str, str], what: str, possession: Possession | None = None
) -> Issued:
    """Trade a subject token at the token endpoint (RFC 8693 §2), for a token that is bound to a key if one is given."""
    from urllib.parse import urlencode  # noqa: PLC0415 -- the client has loaded it by now

    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    body = urlencode(form).encode()

    def send() -> Answer:
        proof = {"DPoP": possession.proof("POST", _ENDPOINT)} if possession is not None else {}
        return client.send("POST", _ENDPOINT, headers={**headers, **proof}, body=body)

    try:
        answer = retry.run(send if possession is None else lambda: possession.send(send))
    except ConnectionLost as lost:
        raise DiagnosticError(f"Cannot get {what}", f"the registry cannot be reached: {lost}") from None
    return _issued(answer, what)


def _issued(answer: Answer, what: str) -> Issued:
    members = answer.json()
    if answer.status != _OK or not isinstance(members, dict):
        raise ExchangeRefused(answer.status, members if isinstance(members, dict) else {}, what)
    try:
        return Issued(members)
    except (KeyError, TypeError, ValueError):
        raise DiagnosticError(f"Cannot get {what}", "the registry's answer holds no token") from None


class ExchangeRefused(DiagnosticError):
    """The token endpoint said no; `error` is OAuth's code (RFC 6749 §5.2)."""

    def __init__(self, status: int, members: Mapping[str, Any], what: str) -> None:
        self.error = plain(members.get("error", ""))
        said = plain(members.get("error_description", "")) or f"the registry answered {status}"
        self._what = f"Cannot get {what}"
        self._said = f"{self.error}: {said}" if self.error else said
        super().__init__(self._what, self._said)

    def but(self, next_step: str) -> DiagnosticError:
        """The same, with what to do about it."""
        return DiagnosticError(self._what, f"{self._said}. {next_step}")


class Session:
    """One identity towards one registry."""

    def __init__(
        self,
        client: HttpClient,
        retry: Retry,
        source: Source,
        *,
        endpoint: str,
        stack: str | None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._retry = retry
        self._source = source
        self._endpoint = endpoint
        self._possession = Possession(endpoint)
        self._resource = f"{endpoint}/v1"
        self._asked_stack = stack
        self._lock = Lock()
        self._issued: Issued | None = None
        self._clock = clock
        self._renew_at = self._ends_at = 0.0
        self._closed = False
        self._bound = False

    @property
    def stack(self) -> str | None:
        """The stack that the token is limited to, else the one asked for."""
        stack = self._issued.stack if self._issued is not None else None
        return stack if isinstance(stack, str) else self._asked_stack

    @property
    def plan_only(self) -> bool:
        """True for a pull request's identity, which may read and plan, never write or mint."""
        scope = self._issued.scope.split() if self._issued is not None else []
        return bool(scope) and "registry:write" not in scope

    def subject_token(self) -> str:
        """A fresh proof of the workload's own identity."""
        return self._source()

    def another_possession(self) -> Possession:
        """A key of its own, for a token that others present."""
        return Possession(self._endpoint)

    def send(self, method: str, path: str, token: str, request: Callable[[Headers], Answer]) -> Answer:
        """The answer to one request, which presents the token as it was issued: with a proof of its key, or alone."""
        if not self._bound:
            return request({"Authorization": f"Bearer {token}"})
        possession = self._possession

        def proved() -> Answer:
            return request({"Authorization": f"DPoP {token}", "DPoP": possession.proof(method, path, token)})

        return possession.send(proved)

    def token(self, *, refused: str | None = None) -> str:
        """The registry token, exchanged anew at 80 % of its life, or when `refused` is the one we hold."""
        with self._lock:
            if self._closed:
                raise DiagnosticError("The run is over", "no request is sent after the provider was told to end")
            held = self._issued
            if held is None or held.token == refused:
                return self._exchange().token
            return self._renewed(held).token if self._clock() >= self._renew_at else held.token

    def _renewed(self, held: Issued) -> Issued:
        """Exchange early; a failure matters only once the token we hold has ended."""
        try:
            return self._exchange()
        except DiagnosticError:
            if self._clock() >= self._ends_at:
                raise
            self._renew_at = self._clock() + _RENEWAL_PAUSE_SECONDS
            return held

    def _exchange(self) -> Issued:
        form = {
            "grant_type": EXCHANGE,
            "subject_token": self._source(),
            "subject_token_type": JWT,
            "resource": self._resource,
        }
        if self._asked_stack:
            form["stack"] = self._asked_stack
        now = self._clock()
        issued = exchange(self._client, self._retry, form, "a registry token", self._possession)
        self._revoke()
        self._issued, self._bound = issued, issued.bound
        self._renew_at = now + issued.lifetime * _RENEW_AT
        self._ends_at = now + issued.lifetime
        return issued

    def close(self) -> None:
        """Revoke the token: possession is enough (RFC 7009 §2.1). Quick, and silent when the registry is away."""
        with self._lock:
            self._closed = True
            self._revoke()

    def _revoke(self) -> None:
        """Revoke the token we hold, unless it has ended by itself."""
        held, self._issued = self._issued, None
        if held is not None and self._clock() < self._ends_at:
            revoke(self._client, held.token)


def revoke(client: HttpClient, token: str) -> bool:
    """Revoke a token by possession; False if the registry did not confirm within a second."""
    from urllib.parse import urlencode  # noqa: PLC0415 -- the client has loaded it by now

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"token": token}).encode()
    try:
        answer = client.send("POST", "/oauth2/revoke", headers=headers, body=body, timeout=_GOODBYE_SECONDS)
    except ConnectionLost:
        return False
    return answer.status == _OK


class DevelopmentSession(Session):
    """A ready-made registry token, for a registry on this machine; it is not ours to revoke."""

    def __init__(self, token: str, *, stack: str | None, endpoint: str = "") -> None:
        self._bound = False
        self._endpoint = endpoint
        self._ready_made = checked(token, "LEASEHOLD_DEV_TOKEN")
        self._asked_stack = stack
        self._issued = None

    def subject_token(self) -> str:
        """Development tokens stand for no workload."""
        raise DiagnosticError(
            "No workload identity", "LEASEHOLD_DEV_TOKEN is a registry token; a credential needs an OIDC token as well"
        )

    def token(self, *, refused: str | None = None) -> str:
        """The token as it was given."""
        if refused is not None:
            raise DiagnosticError(
                "Not authenticated", "the registry does not accept LEASEHOLD_DEV_TOKEN: has it expired?"
            )
        return self._ready_made

    def close(self) -> None:
        """Leave the token alone."""
