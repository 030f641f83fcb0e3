"""Rows of connections, of promotions, of endings, and of us as a client elsewhere. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Index, Text
from sqlmodel import JSON, Column, Field, SQLModel


def _instant(*, nullable: bool = False) -> Column[int]:
    return Column(BigInteger, nullable=nullable)


class ConnectionRow(SQLModel, table=True):
    """A connection, by who holds it and for which tool server. `claimed_until`: somebody is refreshing it."""

    __tablename__ = "connections"
    __table_args__ = (Index("ix_connections_id", "id", unique=True),)

    holder: str = Field(primary_key=True, max_length=512)
    tool_server: str = Field(primary_key=True, max_length=63)
    id: str = Field(max_length=64)
    address: str = Field(max_length=2048)
    method: str = Field(max_length=16)
    issuer: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    ancestors: list[tuple[str, int]] = Field(sa_column=Column(JSON, nullable=False))
    created_at: int = Field(sa_column=_instant())
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    updated_at: int = Field(sa_column=_instant())
    expires_at: int | None = Field(default=None, sa_column=_instant(nullable=True))
    revision: int = Field(sa_column=_instant())
    broken: bool = Field(sa_column=Column(Boolean, nullable=False))
    key_id: str = Field(sa_column=Column(Text, nullable=False))
    wrapped_key: str = Field(sa_column=Column(Text, nullable=False))
    sealed: str = Field(sa_column=Column(Text, nullable=False))
    claimed_until: int | None = Field(default=None, sa_column=_instant(nullable=True))


class PromotionRow(SQLModel, table=True):
    """A shared connection that one agent may use at one tool server."""

    __tablename__ = "connection_promotions"
    __table_args__ = (Index("ix_connection_promotions_connection", "connection"),)

    agent: str = Field(primary_key=True, max_length=63)
    tool_server: str = Field(primary_key=True, max_length=63)
    connection: str = Field(max_length=64)
    holder: str = Field(max_length=512)
    agent_since: int = Field(sa_column=_instant())
    promoted_at: int = Field(sa_column=_instant())
    promoted_by: str = Field(sa_column=Column(Text, nullable=False))
    justification: str = Field(sa_column=Column(Text, nullable=False))


class EndingRow(SQLModel, table=True):
    """A connection that is over, with what it takes to revoke its tokens. `connection` is its record as JSON text."""

    __tablename__ = "connection_endings"
    __table_args__ = (Index("ix_connection_endings_due", "next_attempt_at"),)

    id: str = Field(primary_key=True, max_length=64)
    connection: str = Field(sa_column=Column(Text, nullable=False))
    key_id: str = Field(sa_column=Column(Text, nullable=False))
    wrapped_key: str = Field(sa_column=Column(Text, nullable=False))
    sealed: str = Field(sa_column=Column(Text, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    ended_at: int = Field(sa_column=_instant())
    attempts: int
    next_attempt_at: int = Field(sa_column=_instant())
    problem: str = Field(sa_column=Column(Text, nullable=False))


class UpstreamClientRow(SQLModel, table=True):
    """Who we are at an authorization server. The key is a digest of issuer and redirect address, both of any length."""

    __tablename__ = "upstream_clients"

    digest: str = Field(primary_key=True, max_length=64)
    issuer: str = Field(sa_column=Column(Text, nullable=False))
    redirect_uri: str = Field(sa_column=Column(Text, nullable=False))
    client_id: str = Field(sa_column=Column(Text, nullable=False))
    registered_at: int = Field(sa_column=_instant())
    key_id: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    wrapped_key: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    sealed: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
