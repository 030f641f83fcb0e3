"""Rows of further clients of agents: their names, and those that registered themselves. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlmodel import JSON, Column, Field, SQLModel


class ClientNameRow(SQLModel, table=True):
    """The address of a metadata document, and the one agent that it describes a client of."""

    __tablename__ = "client_names"

    client_id: str = Field(primary_key=True, max_length=512)
    agent: str = Field(max_length=63, index=True)


class RegisteredClientRow(SQLModel, table=True):
    """A client that registered itself. `detail` is what it said, by name."""

    __tablename__ = "registered_clients"

    client_id: str = Field(primary_key=True, max_length=512)
    agent: str = Field(max_length=63, index=True)
    detail: dict[str, object] = Field(sa_column=Column(JSON, nullable=False))
    token_sha256: str = Field(max_length=64)
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))


class RegistrationTokenRow(SQLModel, table=True):
    """The SHA-256 of an initial access token."""

    __tablename__ = "registration_tokens"

    sha256: str = Field(primary_key=True, max_length=64)
    agent: str = Field(max_length=63, index=True)
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
