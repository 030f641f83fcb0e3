"""Rows of client secrets, consents and authorizations under way. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import JSON, Column, Field, SQLModel


class ClientSecretRow(SQLModel, table=True):
    """The hash of the one client secret of an agent."""

    __tablename__ = "client_secrets"

    agent: str = Field(primary_key=True, max_length=63)
    salt: str = Field(max_length=64)
    digest: str = Field(max_length=128)
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class ConsentRow(SQLModel, table=True):
    """What one person lets one agent do on one resource. `scopes` is a sorted list."""

    __tablename__ = "consents"

    user: str = Field(primary_key=True, max_length=512)
    agent: str = Field(primary_key=True, max_length=63)
    resource: str = Field(primary_key=True, max_length=2048)
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    revoked_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class PendingRow(SQLModel, table=True):
    """One stage of an authorization, by the digest of the secret that leads on from it."""

    __tablename__ = "authorizations"

    digest: str = Field(primary_key=True, max_length=64)
    stage: str = Field(max_length=16)
    agent: str = Field(max_length=63)
    redirect_uri: str = Field(max_length=2048)
    challenge: str = Field(max_length=128)
    state: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    resource: str = Field(max_length=2048)
    scopes: list[str] = Field(sa_column=Column(JSON, nullable=False))
    detail: list[tuple[str, str]] = Field(sa_column=Column(JSON, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
