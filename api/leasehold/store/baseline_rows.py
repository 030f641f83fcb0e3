"""Rows of what credential profiles pointed to when they were applied. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Column, Field, SQLModel


class BaselineRow(SQLModel, table=True):
    """One baseline; `facts` is JSON, null if nothing could be seen; `at` is microseconds since the epoch."""

    __tablename__ = "baselines"

    profile: str = Field(primary_key=True, max_length=63)
    target: str = Field(max_length=64)
    facts: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    problem: str = Field(sa_column=Column(Text, nullable=False))
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    by: str = Field(sa_column=Column(Text, nullable=False))
