"""Connections: what a person, or the organisation, has at a tool server, and what one call is given of it.

INVARIANT: a sealed secret is found by its holder and its tool server, never by anything else, and opens for these two
alone (`Binding`). A row that is copied to another holder is a row that nobody can open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from leasehold.model.credentials import Target
from leasehold.model.errors import InvalidValue, LeaseholdError
from leasehold.model.leases import Ancestor
from leasehold.model.names import check_name
from leasehold.model.upstream import Method

_USER = "user:"
_SHARED = "shared:"
_USER_LIMIT = 512


class ConnectionKind(StrEnum):
    """Whose connection a call goes out with: the person's own, one that was shared with the agent, or none."""

    PERSONAL = "personal"
    SHARED = "shared"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamCall:
    """One request that is about to go to a tool server.

    `agent` and `tool_server` are registry names. `user` is the person that the agent acts for
    (`user:<trust issuer>/<subject>`), None when it acts alone. `method`, `url`, `headers` and `body` are HTTP's, what
    will be sent, to the byte: some connections sign them. The caller's own token is never among them. `now` is aware
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
class ClientCertificate:
    """What a TLS client shows (RFC 8705 §2): its chain, and the key to it, both PEM text, never on a disk of ours."""

    certificate: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized:
    """The call may go out with these headers, which replace any of the same name.

    `connection` is the id to record, never a secret; None where the server wants nothing.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    connection: str | None
    kind: ConnectionKind
    client_certificate: ClientCertificate | None = field(default=None, repr=False)


class NotConnectedReason(StrEnum):
    """Why a call cannot go out."""

    NOT_CONNECTED = "not_connected"
    RECONNECT = "reconnect"
    NOT_PROMOTED = "not_promoted"
    AGENT_ENDED = "agent_ended"
    UNKNOWN_SERVER = "unknown_server"
    OTHER_ADDRESS = "other_address"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotConnected:
    """Nothing goes out. `connect_url` is where the person connects, if that would help."""

    reason: NotConnectedReason
    connect_url: str | None = None


@dataclass(frozen=True, slots=True)
class Personal:
    """A person's own, by the id that their tokens carry."""

    user: str

    def __post_init__(self) -> None:
        if not self.user.startswith(_USER) or not self.user.isprintable() or len(self.user) > _USER_LIMIT:
            raise InvalidValue("a personal connection belongs to `user:<trust issuer>/<subject>`")

    @property
    def key(self) -> str:
        """The holder as one text; no person's is that of a shared one."""
        return self.user


@dataclass(frozen=True, slots=True)
class Shared:
    """The organisation's, by a name that is unique per tool server. No agent uses it until it is promoted for it."""

    name: str = "default"

    def __post_init__(self) -> None:
        check_name(self.name, "shared")

    @property
    def key(self) -> str:
        """The holder as one text."""
        return _SHARED + self.name


Holder: TypeAlias = Personal | Shared


def holder_of(key: str) -> Holder:
    """The holder that a key stands for. Raises `InvalidValue`."""
    return Shared(key.removeprefix(_SHARED)) if key.startswith(_SHARED) else Personal(key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a sealed secret is bound to: it opens for the very same four and for nothing else.

    `address` is the tool server's as it was when it was connected: a server that moves takes no secret along.
    """

    connection: str
    holder: Holder
    tool_server: str
    address: str


class CannotOpen(LeaseholdError):
    """A sealed secret does not open here: it is bound to something else, or was wrapped by a key that is not ours."""

    code = "unavailable"

    def __init__(self) -> None:
        super().__init__("a sealed secret does not open for this connection")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A secret under a key of its own, and that key wrapped by the key-encryption key `key_id`. Both base64."""

    key_id: str
    wrapped_key: str = field(repr=False)
    sealed: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What is known of a connection; nothing in it is secret.

    `issuer` is the authorization server that it was made at, and with no other is it ever refreshed. `ancestors` are
    the nodes that it hangs on, of the generations that they had. `expires_at` is when the access token ends, for OAuth.
    `broken`: it has to be connected anew. `revision` rises with every change of the secret.
    """

    id: str
    holder: Holder
    tool_server: str
    address: str
    method: Method
    created_at: datetime
    created_by: str
    ancestors: tuple[Ancestor, ...]
    issuer: str | None = None
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    updated_at: datetime
    revision: int = 1
    broken: bool = False

    @property
    def binding(self) -> Binding:
        """What its secret is bound to."""
        return Binding(connection=self.id, holder=self.holder, tool_server=self.tool_server, address=self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedConnection:
    """A connection and its secret, shut."""

    connection: Connection
    envelope: Envelope = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """An agent may use a shared connection of one tool server. One per agent and server.

    `agent_since` is when the agent was registered: another agent of the same name, later, gets nothing of it.
    """

    agent: str
    tool_server: str
    connection: str
    holder: Shared
    agent_since: datetime
    promoted_at: datetime
    promoted_by: str
    justification: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnCredential:
    """A credential of another system for the calls of one agent, until `ends_at`. `id` is that of its record."""

    id: str
    target: Target
    secret: Mapping[str, str] = field(repr=False)
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingConnection:
    """A connection that nobody can use any more, until its tokens are revoked upstream (RFC 7009) or given up."""

    connection: Connection
    envelope: Envelope = field(repr=False)
    reason: str
    ended_at: datetime
    attempts: int = 0
    next_attempt_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamClient:
    """Who we are at one authorization server, for one redirect address. `sealed` holds the client secret, if any."""

    issuer: str
    redirect_uri: str
    client_id: str
    envelope: Envelope | None = field(default=None, repr=False)
    registered_at: datetime
