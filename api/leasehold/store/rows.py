"""The tables of the registry. Times are aware UTC; names sort by code point on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    text,
    true,
)
from sqlmodel import Field, SQLModel


class UtcTime(TypeDecorator[datetime]):
    """An aware time; SQLite keeps no zone, so UTC goes in and UTC comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        aware = value.astimezone(UTC)
        return aware.replace(tzinfo=None) if dialect.name == "sqlite" else aware

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def name_type() -> Any:  # Any: a variant type has no narrower name
    """Text that sorts by code point: SQLite's default, collation C on PostgreSQL."""
    return String().with_variant(String(collation="C"), "postgresql")


def _name(*, primary_key: bool = False) -> Any:  # Any: SQLModel types its fields by the annotation beside them
    return Field(sa_column=Column(name_type(), primary_key=primary_key, nullable=False))


def _time(*, nullable: bool = False) -> Any:  # Any: as above
    return Field(default=None, sa_column=Column(UtcTime(), nullable=nullable))


def _text(*, nullable: bool = False) -> Any:  # Any: as above
    return Field(default=None, sa_column=Column(Text(), nullable=nullable))


def _counter() -> Any:  # Any: as above
    return Field(sa_column=Column(BigInteger(), nullable=False))


class ObjectRow(SQLModel, table=True):
    """A live object; `spec` is its plain form as JSON. `agent` and `expires_at` are copies to search by."""

    __tablename__ = "objects"
    __table_args__ = (
        Index("ix_objects_agent", "agent", "kind"),
        Index("ix_objects_stack", "stack", "kind"),
        Index("ix_objects_expiry", "kind", "expires_at"),
    )
    kind: str = _name(primary_key=True)
    name: str = _name(primary_key=True)
    revision: int = _counter()
    spec: str = _text()
    stack: str | None = Field(default=None, sa_column=Column(name_type(), nullable=True))
    agent: str | None = Field(default=None, sa_column=Column(name_type(), nullable=True))
    expires_at: datetime | None = _time(nullable=True)
    created_at: datetime = _time()
    updated_at: datetime = _time()
    updated_by: str = _text()


class IdentityRow(SQLModel, table=True):
    """A foreign identity (`type`, `id`) that one live object of its kind bears."""

    __tablename__ = "object_identities"
    __table_args__ = (Index("ix_object_identities_bearer", "kind", "name"),)
    kind: str = _name(primary_key=True)
    type: str = _name(primary_key=True)
    id: str = _name(primary_key=True)
    name: str = _name()


class RelationRow(SQLModel, table=True):
    """A live relation taken apart, to search by either end."""

    __tablename__ = "relations"
    __table_args__ = (
        Index("ix_relations_subject", "subject", "name"),
        Index("ix_relations_object", "object", "name"),
    )
    name: str = _name(primary_key=True)
    subject: str = _name()
    relation: str = _name()
    object: str = _name()


class ReferenceRow(SQLModel, table=True):
    """One live object naming another."""

    __tablename__ = "object_references"
    __table_args__ = (Index("ix_object_references_target", "to_kind", "to_name"),)
    kind: str = _name(primary_key=True)
    name: str = _name(primary_key=True)
    to_kind: str = _name(primary_key=True)
    to_name: str = _name(primary_key=True)


class VersionRow(SQLModel, table=True):
    """Every revision of every object, deletions included."""

    __tablename__ = "versions"
    kind: str = _name(primary_key=True)
    name: str = _name(primary_key=True)
    revision: int = Field(sa_column=Column(BigInteger(), primary_key=True, autoincrement=False))
    operation: str = _name()
    by: str = _text()
    at: datetime = _time()
    stack: str | None = Field(default=None, sa_column=Column(name_type(), nullable=True))
    spec: str | None = _text(nullable=True)


class ChangeRow(SQLModel, table=True):
    """The change feed."""

    __tablename__ = "changes"
    sequence: int = Field(sa_column=Column(BigInteger(), primary_key=True, autoincrement=False))
    kind: str = _name()
    name: str = _name()
    operation: str = _name()
    revision: int = _counter()
    by: str = _text()
    at: datetime = _time()


class NodeRow(SQLModel, table=True):
    """A node of the revocation tree."""

    __tablename__ = "nodes"
    node: str = _name(primary_key=True)
    generation: int = _counter()


class AuditRow(SQLModel, table=True):
    """An audit event; `detail` is JSON, `content` what stands in it for contents. `unsealed` until it has a place."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_object", "kind", "name"),
        Index("ix_audit_events_unsealed", "sequence", postgresql_where=text("unsealed"), sqlite_where=text("unsealed")),
    )
    # SQLite counts up by itself only in a column that is spelled INTEGER.
    sequence: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    )
    at: datetime = _time()
    principal: str = _text()
    action: str = _name()
    kind: str = _name()
    name: str = _name()
    outcome: str = _name()
    reason: str = _text()
    stack: str | None = Field(default=None, sa_column=Column(name_type(), nullable=True))
    detail: str = _text()
    source: str | None = _text(nullable=True)
    trace: str | None = _text(nullable=True)
    content: str | None = _text(nullable=True)
    unsealed: bool = Field(default=True, sa_column=Column(Boolean(), nullable=False, server_default=true()))


class BootstrapRow(SQLModel, table=True):
    """The one-time token, at most one row; only its digest."""

    __tablename__ = "bootstrap_token"
    id: int = Field(sa_column=Column(BigInteger(), primary_key=True, autoincrement=False))
    sha256: str = _text()
    expires_at: datetime = _time()
    consumed_at: datetime | None = _time(nullable=True)
