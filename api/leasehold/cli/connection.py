"""The way to the registry: where it is, who we are, and what its refusals say.

The environment is read here: the command line imports no other room, and a token on the command line would show in
every process list.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from leasehold.cli.exits import Failure
from leasehold.cli.job_identity import LOOPBACK, JobIdentity
from leasehold.cli.possession import ProofKey
from leasehold.cli.problems import failure_of, oauth_failure_of, wants_nonce
from leasehold.cli.safe_text import visible

DEFAULT_ENDPOINT = "http://127.0.0.1:8420"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  RFC 8693 §2.1: a name, no secret
JWT = "urn:ietf:params:oauth:token-type:jwt"
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_LOG_IN = "set LEASEHOLD_TOKEN to a registry token, or LEASEHOLD_OIDC_TOKEN_FILE to a file with your workload's token"
Json = dict[str, Any]  # Any: what a registry answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What `LEASEHOLD_*` says about the registry and us, and what a job of GitHub Actions is told besides."""

    endpoint: str = DEFAULT_ENDPOINT
    token: str | None = field(default=None, repr=False)
    oidc_token_file: str | None = None
    oidc_audience: str | None = None
    job: JobIdentity | None = None
    stack: str | None = None
    ca_file: str | None = None
    receipt_file: str | None = None

    def job_token(self, audience: str | None = None, transport: httpx.BaseTransport | None = None) -> str:
        """A fresh token of the job of GitHub Actions that this is, by default for the registry. Raises `Failure`."""
        if self.job is None:
            said = "a job of GitHub Actions has one, with the permission `id-token: write`"
            raise Failure("this is no job that can ask for its identity", next_step=said)
        return self.job.token(audience or self.oidc_audience or self.endpoint, transport)


def read_environment(environ: Mapping[str, str] = os.environ) -> Environment:
    """The environment, defaults filled in; an empty variable counts as unset."""
    names = ("token", "oidc_token_file", "oidc_audience", "stack", "ca_file", "receipt_file")
    found = {key: environ.get(f"LEASEHOLD_{key.upper()}") or None for key in names}
    endpoint = environ.get("LEASEHOLD_ENDPOINT") or DEFAULT_ENDPOINT
    url, secret = (environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{part}") for part in ("URL", "TOKEN"))
    return Environment(endpoint=endpoint.rstrip("/"), job=JobIdentity(url, secret) if url and secret else None, **found)


class Registry:
    """One registry, spoken to as one caller. Follows no redirect: a token goes where it was meant to go."""

    def __init__(self, environment: Environment, transport: httpx.BaseTransport | None = None) -> None:
        self.endpoint = _checked(environment.endpoint)
        self._environment = environment
        self._token = environment.token
        self._transport = transport
        self._client = httpx.Client(
            base_url=self.endpoint,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=not _is_loopback(self.endpoint),  # a proxy between us and ourselves helps nobody
            verify=_trust(self.endpoint, environment.ca_file),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request as ourselves. Raises `Failure` for every answer that is not a success."""
        return self.call_as(self._own_token(), method, path, body=body, headers=headers)

    def call_as(
        self, token: str, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request with this token."""
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        return _answered(self._send(method, path, headers=sent, json=body), method, path)

    def call_holding(self, key: ProofKey, token: str, method: str, path: str, *, body: object = None) -> Answer:
        """Send a request with a token that is bound to this key."""
        headers = {"Authorization": f"DPoP {token}"}
        return _answered(self._send_proved(key, token, method, path, headers=headers, json=body), method, path)

    def stream(self, path: str) -> Iterator[bytes]:
        """The lines of an answer, as ourselves, as they come. Raises `Failure`; a line that is cut off is one."""
        headers = {"Authorization": f"Bearer {self._own_token()}"}
        try:
            with self._client.stream("GET", path, headers=headers) as response:
                if not response.is_success:
                    response.read()
                    raise failure_of(response, f"GET {path}")
                yield from _lines(response.iter_bytes())
        except httpx.HTTPError as error:
            raise Failure(f"the answer broke off ({type(error).__name__})", where=f"GET {path}") from None

    def post_form(self, path: str, form: Mapping[str, str], *, authenticated: bool) -> Json:
        """Send a form to an OAuth endpoint; it answers errors as RFC 6749 §5.2 says."""
        headers = {"Authorization": f"Bearer {self._own_token()}"} if authenticated else {}
        return _granted(self._send("POST", path, headers=headers, data=dict(form)), path)

    def grant(self, form: Mapping[str, str], key: ProofKey | None = None) -> Json:
        """What the token endpoint gives for a form, bound to the key if there is one. Raises `Failure`."""
        path = "/oauth2/token"
        if key is None:
            return self.post_form(path, form, authenticated=False)
        answer = _granted(self._send_proved(key, None, "POST", path, headers={}, data=dict(form)), path)
        if str(answer.get("token_type")).lower() != "dpop":
            raise Failure("the registry did not bind the token to the key", where=f"POST {path}")
        return answer

    def _own_token(self) -> str:
        if self._token is None:
            self._token = self._exchanged()
        return self._token

    def _exchanged(self) -> str:
        form = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": self._subject_token(),
            "subject_token_type": JWT,
            "resource": f"{self.endpoint}/v1",
        }
        if self._environment.stack is not None:
            form["stack"] = self._environment.stack
        return token_of(self.grant(form))

    def _subject_token(self) -> str:
        if self._environment.oidc_token_file is not None:
            return read_secret(self._environment.oidc_token_file)
        if self._environment.job is None:
            raise Failure("no credential to call the registry with", next_step=_LOG_IN)
        return self._environment.job_token(transport=self._transport)

    def _send_proved(  # Any: passed to httpx as it is
        self, key: ProofKey, token: str | None, method: str, path: str, *, headers: Mapping[str, str], **request: Any
    ) -> httpx.Response:
        """With a proof of the key; and with another, if a nonce is asked for, that holds it (RFC 9449 §8, §9)."""

        def sent(nonce: str | None) -> httpx.Response:
            proof = key.proof(method, f"{self.endpoint}{path}", token=token, nonce=nonce)
            return self._send(method, path, headers={**headers, "DPoP": proof}, **request)

        response = sent(None)
        nonce = response.headers.get("dpop-nonce")
        return sent(nonce) if nonce is not None and wants_nonce(response) else response

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:  # Any: passed to httpx as it is
        try:
            return self._client.request(method, path, **request)
        except httpx.HTTPError as error:
            raise Failure(
                f"no answer from the registry ({type(error).__name__})",
                where=self.endpoint,
                next_step="is it running (`leasehold serve`), and is LEASEHOLD_ENDPOINT right?",
            ) from None


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: its JSON, `{}` if it has none, and its entity tag."""

    body: Json
    etag: str | None


def token_of(answer: Json) -> str:
    """The token in an answer of the token endpoint. Raises `Failure`."""
    token = answer.get("access_token")
    if not isinstance(token, str):
        raise Failure("the registry answered the token exchange without a token", where="POST /oauth2/token")
    return token


def _answered(response: httpx.Response, method: str, path: str) -> Answer:
    if not response.is_success:
        raise failure_of(response, f"{method} {path}")
    return Answer(_parsed(response), response.headers.get("etag"))


def _granted(response: httpx.Response, path: str) -> Json:
    if not response.is_success:
        raise oauth_failure_of(response, f"POST {path}")
    return _parsed(response)


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        raise Failure("the answer broke off in the middle of a line")


def segment(name: str) -> str:
    """A name as one segment of a path, whatever is in it."""
    if name in {".", ".."}:
        raise Failure(f"`{name}` is no name")
    return quote(name, safe="")


def read_secret(path: str) -> str:
    """A token out of a file, or out of stdin for `-`."""
    try:
        text = (Path("/dev/stdin") if path == "-" else Path(path)).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read a token ({type(error).__name__})", where=visible(path)) from None
    if not text or any(c.isspace() for c in text):
        raise Failure("the file does not hold one token", where=visible(path))
    return text


def _checked(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise Failure("LEASEHOLD_ENDPOINT must be an http(s) URL without user and query")
    if parts.scheme == "http" and not _is_loopback(endpoint):
        raise Failure("a token does not travel over plain http", where=visible(endpoint), next_step="use https")
    return endpoint


def _trust(endpoint: str, ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        # loading the world's certificates takes longer than a call; over plain http to ourselves nobody asks for them
        return True if endpoint.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError:  # ssl.SSLError is one
        raise Failure("LEASEHOLD_CA_FILE holds no certificates", where=visible(ca_file)) from None


def _is_loopback(endpoint: str) -> bool:
    return urlsplit(endpoint).hostname in LOOPBACK


def _parsed(response: httpx.Response) -> Json:
    if not response.content:
        return {}
    try:
        parsed = response.json()
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Failure("the answer is not JSON: is this a Leasehold registry?", where=visible(str(response.url)))
    return parsed
