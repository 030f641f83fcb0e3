"""Rows of what leases were taken for, kept longer than the leases. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Column, Field, SQLModel


class LeaseUseRow(SQLModel, table=True):
    """How many leases of one day carried the same. `digest` is of audience and scopes; `day` counts from 1970-01-01."""

    __tablename__ = "lease_uses"

    agent: str = Field(primary_key=True, max_length=63)
    digest: str = Field(primary_key=True, max_length=64)
    day: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    audience: str = Field(sa_column=Column(Text, nullable=False))
    scopes: str = Field(sa_column=Column(Text, nullable=False))
    count: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_at: int = Field(sa_column=Column(BigInteger, nullable=False))
