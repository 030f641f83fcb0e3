"""Rows of the revocation stream. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Column, Field, SQLModel

from leasehold.store.rows import name_type


class RevocationRow(SQLModel, table=True):
    """One event; `at` is whole microseconds since the epoch."""

    __tablename__ = "revocations"

    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    node: str = Field(sa_column=Column(name_type(), nullable=False))
    generation: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    actor: str = Field(sa_column=Column(Text, nullable=False))
    at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
