"""The OpenID Connect token that a job of GitHub Actions asks its runner for: who the job is, for one audience.

https://docs.github.com/en/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from leasehold.cli.exits import Failure

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_RETRIES = 3  # of a connection that could not be made


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """Where a job asks, and the runner's secret that lets it."""

    url: str
    secret: str = field(repr=False)

    def token(self, audience: str, transport: httpx.BaseTransport | None = None) -> str:
        """A fresh token for this audience. Raises `Failure`. No redirect is followed: the secret goes nowhere else."""
        parts = urlsplit(self.url)
        local = parts.hostname in LOOPBACK
        if parts.scheme != "https" and not local:
            raise Failure(
                "ACTIONS_ID_TOKEN_REQUEST_URL is no https URL: the forge's secret does not travel in the open"
            )
        transport = transport or httpx.HTTPTransport(retries=_RETRIES)
        try:
            with httpx.Client(timeout=_TIMEOUT, transport=transport, trust_env=not local) as client:
                url = httpx.URL(self.url).copy_merge_params({"audience": audience})
                answer = client.get(url, headers={"Authorization": f"bearer {self.secret}"})
            value = answer.json().get("value") if answer.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError):
            value = None
        if not isinstance(value, str) or not value or not value.isascii() or any(c.isspace() for c in value):
            raise Failure(
                "the forge hands out no OIDC token", next_step="does the job have the permission `id-token: write`?"
            )
        return value
