"""Rows of leases and of subject tokens already used. They never leave this room.

Instants are whole microseconds since the epoch: one representation on every database, and cheap on the hot path.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Index
from sqlmodel import JSON, Column, Field, SQLModel

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LeaseRow(SQLModel, table=True):
    """One lease. `scopes` is a sorted list, `ancestors` a list of `[node, generation]`."""

    __tablename__ = "leases"
    __table_args__ = (
        Index("ix_leases_status", "status_list", "status_index", unique=True),
        Index("ix_leases_agent", "agent", "expires_at"),
    )

    id: str = Field(primary_key=True, max_length=64)
    subject: str = Field(max_length=512)
    agent: str | None = Field(default=None, max_length=63)
    deployment: str | None = Field(default=None, max_length=63)
    binding: str = Field(max_length=63)
    audience: str = Field(max_length=2048)
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    ancestors: list[tuple[str, int]] = Field(sa_column=Column(JSON, nullable=False))
    token_sha256: str = Field(max_length=64)
    issued_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    revoked_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    parent: str | None = Field(default=None, max_length=64)
    task: str | None = Field(default=None, max_length=128)
    status_list: str | None = Field(default=None, max_length=16)
    status_index: int | None = None


class ReplayRow(SQLModel, table=True):
    """One subject token that was used, by its issuer and a digest of what makes it unique."""

    __tablename__ = "replays"
    __table_args__ = {"sqlite_with_rowid": False}

    issuer: str = Field(primary_key=True, max_length=2048)
    digest: str = Field(primary_key=True, max_length=64)
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


def to_micros(at: datetime) -> int:
    """An aware instant as microseconds since the epoch, exact."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC instant of `micros` since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)
