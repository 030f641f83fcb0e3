"""People on whose behalf agents act: what they consented to, and authorizations under way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A person let an agent act for them, within `scopes` of one `resource`. One per person, agent and resource."""

    user: str
    agent: str
    resource: str
    scopes: frozenset[str]
    at: datetime
    revoked_at: datetime | None = None

    def stands_for(self, scopes: frozenset[str]) -> bool:
        """True iff it is not revoked and covers all of `scopes`."""
        return self.revoked_at is None and scopes <= self.scopes


class Stage(StrEnum):
    """How far an authorization has come; each stage is entered with a secret of its own, and left for good.

    `connect` and `upstream` belong to people who connect an account of theirs: asked here, then at the other side.
    `refresh` is a code's afterlife: the one refresh token of a public client that is good now.
    """

    PUSHED = "pushed"
    LOGIN = "login"
    CONSENT = "consent"
    CODE = "code"
    CONNECT = "connect"
    UPSTREAM = "upstream"
    REFRESH = "refresh"


def digest_of(secret: str) -> str:
    """What is kept of a secret that leads on."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An authorization under way. `digest` is the SHA-256 (hex) of the secret that leads on; no secret is kept.

    `detail` is what the stage needs later: JSON texts by name.
    """

    digest: str
    stage: Stage
    agent: str
    redirect_uri: str
    challenge: str
    state: str | None
    resource: str
    scopes: frozenset[str]
    expires_at: datetime
    detail: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """One detail, empty if the stage has none of this name."""
        return dict(self.detail).get(name, "")
