"""Rows of event streams. They never leave this room. Instants are whole microseconds since the epoch."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import JSON, Column, Field, SQLModel


class StreamRow(SQLModel, table=True):
    """One stream. `standing` is a list of `[node, generation]`, `events` and `excluded` are sorted lists."""

    __tablename__ = "signal_streams"
    __table_args__ = (Index("ix_signal_streams_receiver", "receiver"),)

    id: str = Field(primary_key=True, max_length=32)
    receiver: str = Field(max_length=512)
    standing: list[tuple[str, int]] = Field(sa_column=Column(JSON, nullable=False))
    endpoint: str = Field(max_length=2048)
    sealed: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    events: list[str] = Field(sa_column=Column(JSON, nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    status: str = Field(max_length=16)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    excluded: list[str] = Field(sa_column=Column(JSON, nullable=False))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    next_attempt_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    attempts: int
    failing_since: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    verification: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    verified_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
