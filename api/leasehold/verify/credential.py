"""The resource server's own identity: the token of its workload, exchanged for a registry token that opens the feed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  RFC 8693 §2.1
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_RENEW_BEFORE_SECONDS = 60.0


class WorkloadCredential:
    """Callable: a registry token, exchanged anew when the last one has less than a minute left. Never shows one."""

    def __init__(
        self,
        issuer: str,
        token_file: Path,
        client: httpx.Client,
        *,
        endpoint: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`token_file` is read at each exchange: whoever writes it rotates it."""
        self._url = f"{endpoint or issuer}/oauth2/token"
        self._resource = f"{issuer}/v1"
        self._file = token_file
        self._client = client
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = float("-inf")

    def __call__(self) -> str:
        """The token. Raises `httpx.HTTPError`, `OSError`, `ValueError`."""
        with self._lock:
            now = self._monotonic()
            if now >= self._renew_at:
                self._token, lifetime = self._exchange()
                self._renew_at = now + max(lifetime - _RENEW_BEFORE_SECONDS, lifetime / 2)
            return self._token

    def _exchange(self) -> tuple[str, float]:
        form = {
            "grant_type": _TOKEN_EXCHANGE,
            "subject_token": self._file.read_text().strip(),
            "subject_token_type": _JWT,
            "resource": self._resource,
            "scope": "registry:read",
        }
        response = self._client.post(self._url, data=form)
        response.raise_for_status()
        answer = response.json()
        token, lifetime = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(token, str) or not isinstance(lifetime, int | float):
            raise ValueError("the token endpoint did not answer with a token")  # noqa: TRY004  no argument of ours
        return token, float(lifetime)
