"""Streams of security events to receivers outside (OpenID Shared Signals Framework 1.0, CAEP 1.0, RFC 8935)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from leasehold.model.errors import InvalidValue, LeaseholdError
from leasehold.model.external import Sealed
from leasehold.model.leases import REGISTRY, Ancestor, Node, lease_node
from leasehold.model.workloads import WorkloadKind, nodes_of

SECURITY_EVENT_TYPE = "secevent+jwt"  # RFC 8417 §2.3
SESSION_REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
STREAM_UPDATED = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
EVENTS_SUPPORTED = frozenset({SESSION_REVOKED})
PUSH = "urn:ietf:rfc:8935"
EXCLUDED_MAX = 1000
_TEXT_MAX, _URL_MAX = 1024, 2048
_OBJECTS = {"owner", "deployment", "binding", "client", "task", "consent", "profile", "policy", "policies", "issuer"}
_OPAQUE = frozenset(_OBJECTS | {nodes_of(kind).partition(":")[0] for kind in WorkloadKind})
_SUBJECTS = ("agent:", "user:")  # of which a token says `sub`
_LEASE = "lease:"


class StreamStatus(StrEnum):
    """SSF 1.0 §8.1.2. Nothing is kept for a disabled stream."""

    ENABLED = "enabled"
    PAUSED = "paused"
    DISABLED = "disabled"


class EventNotTaken(LeaseholdError):
    """A receiver did not acknowledge an event. The message is ours and repeats nothing that it sent."""

    code = "event_not_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a stream stands with its receiver. `position`: the last event of the revocation stream that it has taken.

    `next_attempt_at` also keeps other replicas away while one is at it. `verification` is the state of a verification
    event that is asked for, None if none is.
    """

    position: int
    next_attempt_at: datetime
    attempts: int = 0
    failing_since: datetime | None = None
    verification: str | None = None
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One receiver's stream. `standing` are the nodes that its receiver's right to it hangs on, beside the registry.

    `sealed` is the Authorization header that the receiver wants, shut; `excluded` what it does not want to hear of.
    """

    id: str
    receiver: str
    standing: tuple[Ancestor, ...]
    endpoint: str
    sealed: Sealed | None = field(default=None, repr=False)
    events: frozenset[str]
    description: str
    status: StreamStatus
    reason: str
    excluded: frozenset[Node]
    created_at: datetime
    delivery: Delivery

    def __post_init__(self) -> None:
        check_receiver_url(self.endpoint)
        check_text(self.description, "description")
        check_text(self.reason, "reason")
        for event in self.events:
            check_text(event, "events_requested")
        if len(self.excluded) > EXCLUDED_MAX:
            raise InvalidValue(f"no more than {EXCLUDED_MAX} subjects can be removed from a stream")

    @property
    def host(self) -> str:
        """Where it is pushed to, without what an address may hold that is secret."""
        return urlsplit(self.endpoint).hostname or ""

    def wants(self, node: Node) -> bool:
        """True iff the receiver is to hear of the end of this node."""
        return SESSION_REVOKED in self.events and node not in self.excluded


def check_text(text: str, of: str) -> None:
    """Raises `InvalidValue` for what no database and no terminal should be given."""
    if len(text) > _TEXT_MAX or not text.isprintable():
        raise InvalidValue(f"{of} must be at most {_TEXT_MAX} printable characters")


def check_receiver_url(url: str) -> None:
    """Raises `InvalidValue` unless events could be pushed there; where it leads is checked at each push."""
    try:
        parts = urlsplit(url)
        port_is_fine = parts.port != 0
    except ValueError:
        raise InvalidValue("endpoint_url must be a URL") from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or not port_is_fine or len(url) > _URL_MAX:
        raise InvalidValue("endpoint_url must be an absolute https URL")
    if parts.username is not None or parts.password is not None or "#" in url or not url.isascii() or " " in url:
        raise InvalidValue("endpoint_url must hold neither user, fragment nor spaces")


def stream_audience(issuer: str, stream_id: str) -> str:
    """The `aud` of a stream's events: the stream, which is no resource that a token could be for."""
    return f"{issuer}/ssf/streams/{stream_id}"


def subject_of(issuer: str, node: Node) -> dict[str, str]:
    """Who an ended node is about, as a subject identifier (RFC 9493 §3, SSF 1.0 §3.5).

    An agent and a person by the `sub` of their tokens, a lease by the `jti` of its token, what is above them by our id.
    """
    if node.startswith(_SUBJECTS):
        return {"format": "iss_sub", "iss": issuer, "sub": node}
    if node.startswith(_LEASE):
        return {"format": "jwt_id", "iss": issuer, "jti": node.removeprefix(_LEASE)}
    return {"format": "opaque", "id": node}


def node_of(issuer: str, subject: Mapping[str, object]) -> Node | None:
    """The node of a subject identifier, None for one that we could not have written."""
    if len(str(subject)) > _TEXT_MAX or not all(isinstance(v, str) and v.isprintable() for v in subject.values()):
        return None
    match subject:
        case {"format": "iss_sub", "iss": str(iss), "sub": str(sub)} if iss == issuer and sub.startswith(_SUBJECTS):
            return Node(sub)
        case {"format": "jwt_id", "iss": str(iss), "jti": str(jti)} if iss == issuer and jti:
            return lease_node(jti)
        case {"format": "opaque", "id": str(name)} if name == REGISTRY or name.partition(":")[0] in _OPAQUE:
            return Node(name)
        case _:
            return None
