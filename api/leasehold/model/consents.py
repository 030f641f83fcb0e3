"""People on whose behalf agents act: what they consented to, and authorizations under way."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote, unquote

from leasehold.model.leases import Node, issuer_node, user_node

_SUBJECT_LIMIT = 200
_DIGEST = "sha256-"
_DIGESTED = re.compile(_DIGEST + "[0-9a-f]{64}")


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


def user_id(trust_issuer: str, subject: str) -> str:
    """`user:<trust issuer>/<subject>`, harmless anywhere; a long subject by its SHA-256."""
    shown = quote(subject, safe="@.:_-|")
    if len(shown) > _SUBJECT_LIMIT or shown.startswith(_DIGEST):  # nobody takes the id of another by being called so
        shown = _DIGEST + hashlib.sha256(subject.encode()).hexdigest()
    return f"user:{trust_issuer}/{shown}"


def issuer_of_user(user: str) -> str:
    """The trust issuer that a person's id is of: a name of ours, which holds no `/`."""
    return user.removeprefix("user:").partition("/")[0]


def nodes_of_person(user: str) -> tuple[Node, Node]:
    """What every lease for a person hangs on: them, and whoever says that they are who they are."""
    return user_node(user), issuer_node(issuer_of_user(user))


def spelled_user(user: str) -> str:
    """The id of a person as tokens have it, if somebody wrote the subject as their issuer has it."""
    issuer, _, subject = user.removeprefix("user:").partition("/")
    if _DIGESTED.fullmatch(subject) or user_id(issuer, unquote(subject)) == user:
        return user
    return user_id(issuer, subject)


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
