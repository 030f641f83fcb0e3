"""Rows of what servers on one database share. They never leave this room."""

from __future__ import annotations

from sqlalchemy import Text
from sqlmodel import Column, Field, SQLModel


class SharedSecretRow(SQLModel, table=True):
    """One secret by its name: none that signs, or opens anything."""

    __tablename__ = "shared_secrets"

    name: str = Field(primary_key=True, max_length=63)
    secret: str = Field(sa_column=Column(Text, nullable=False))
