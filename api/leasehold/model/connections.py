"""Credentials for upstream servers: what is asked of whoever keeps them, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class ConnectionKind(StrEnum):
    """Whose connection a call goes over: the person's own, one that is shared with the agent, or none at all."""

    PERSONAL = "personal"
    SHARED = "shared"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What a TLS client shows (RFC 8705 §2): its chain, and the key to it, both PEM text, never on a disk of ours."""

    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamCall:
    """One request that is about to go to a tool server's upstream.

    `agent` and `tool_server` are registry names; `user` is the person for whom the agent acts
    (`user:<trust issuer>/<subject>`), None if it acts for itself. `method` and `url` are HTTP's, `headers` and `body`
    exactly what will be sent, so that they can be signed. The caller's own token is never among them. `now` is aware
    UTC.
    """

    agent: str
    user: str | None
    tool_server: str
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    """What to add to the request. `connection` names whose credential it is, for audit; None where there is none."""

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    connection: str | None
    kind: ConnectionKind
    client_certificate: ClientCertificate | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotConnected:
    """There is no credential for this call. `connect_url` is where the person makes a connection, if they can."""

    reason: str
    connect_url: str | None = None
