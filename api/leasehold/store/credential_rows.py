"""Rows of credentials handed out. They never leave this room. Instants are whole microseconds since the epoch."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import JSON, Column, Field, SQLModel


class CredentialRow(SQLModel, table=True):
    """One credential of another system. `spec` is its profile as it was then; `sealed` opens on this server alone."""

    __tablename__ = "external_credentials"
    __table_args__ = (
        Index("ix_external_credentials_due", "state", "next_attempt_at"),
        Index("ix_external_credentials_lease", "lease"),
    )

    id: str = Field(primary_key=True, max_length=64)
    lease: str = Field(max_length=64)
    agent: str = Field(max_length=63)
    profile: str = Field(max_length=63)
    spec: str = Field(sa_column=Column(Text, nullable=False))
    reference: str = Field(max_length=256)
    ending: str = Field(max_length=32)
    ancestors: list[tuple[str, int]] = Field(sa_column=Column(JSON, nullable=False))
    issued_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    lease_expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    live_until: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str = Field(max_length=16)
    sealed: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    attempts: int
    next_attempt_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    problem: str = Field(sa_column=Column(Text, nullable=False))
