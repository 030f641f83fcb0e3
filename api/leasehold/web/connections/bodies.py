"""Bodies and documents of `/v1/connections`. What is brought is never shown again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from leasehold.broker.keeping import ConnectionPage, Rewrapped, Shown
from leasehold.model.connection_secrets import ApiKeySecret, AwsSecret, BasicSecret, MtlsSecret, Secret
from leasehold.model.connections import Connection, Personal, Promotion
from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_name
from leasehold.model.plain import rfc3339
from leasehold.web.documents import Document
from leasehold.web.queries import encode_cursor

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthBody:
    """Nothing: the rest happens in a browser."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectBody:
    """What is brought, exactly one. `shared` names whose it will be, where an administrator brings it."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    api_key: ApiKeySecret | None = field(default=None, repr=False)
    basic: BasicSecret | None = field(default=None, repr=False)
    mtls: MtlsSecret | None = field(default=None, repr=False)
    aws_sigv4: AwsSecret | None = field(default=None, repr=False)
    oauth: OAuthBody | None = None
    shared: str | None = None

    def __post_init__(self) -> None:
        given = (self.api_key, self.basic, self.mtls, self.aws_sigv4, self.oauth)
        if sum(one is not None for one in given) != 1:
            raise InvalidValue("give exactly one of api_key, basic, mtls, aws_sigv4 and oauth")
        if self.shared is not None:
            check_name(self.shared, "shared")

    @property
    def secret(self) -> Secret | None:
        """What was brought; None for what happens in a browser."""
        return self.api_key or self.basic or self.mtls or self.aws_sigv4


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionBody:
    """Which agent; and why, where it is given something."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    agent: str
    justification: str = ""

    def __post_init__(self) -> None:
        check_name(self.agent, "agent")


def connection_document(connection: Connection) -> Document:
    """What is known of a connection."""
    holder = connection.holder
    personal = isinstance(holder, Personal)
    return {
        "id": connection.id,
        "kind": "personal" if personal else "shared",
        "user": holder.user if isinstance(holder, Personal) else None,
        "shared": None if isinstance(holder, Personal) else holder.name,
        "tool_server": connection.tool_server,
        "address": connection.address,
        "method": connection.method.value,
        "issuer": connection.issuer,
        "scopes": sorted(connection.scopes),
        "state": "reconnect" if connection.broken else "connected",
        "created_at": rfc3339(connection.created_at),
        "created_by": connection.created_by,
        "updated_at": rfc3339(connection.updated_at),
        "expires_at": rfc3339(connection.expires_at) if connection.expires_at is not None else None,
    }


def promotion_document(promotion: Promotion) -> Document:
    """Which agent may use it, since when, and why."""
    return {
        "agent": promotion.agent,
        "promoted_at": rfc3339(promotion.promoted_at),
        "promoted_by": promotion.promoted_by,
        "justification": promotion.justification,
    }


def page_document(page: ConnectionPage) -> Document:
    """A page of connections."""
    return {"items": [_shown(one) for one in page.items], "next_cursor": encode_cursor(page.after)}


def rewrapped_document(rewrapped: Rewrapped) -> Document:
    """What became of a change of keys."""
    return {"key": rewrapped.key_id, "moved": rewrapped.moved, "left": rewrapped.left}


def _shown(one: Shown) -> Document:
    return {**connection_document(one.connection), "promotions": [promotion_document(p) for p in one.promotions]}
