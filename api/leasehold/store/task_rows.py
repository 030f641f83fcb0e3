"""Rows of tasks. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlmodel import Column, Field, SQLModel


class TaskRow(SQLModel, table=True):
    """One task; instants are microseconds since the epoch."""

    __tablename__ = "tasks"

    id: str = Field(primary_key=True, max_length=128)
    agent: str = Field(max_length=63)
    deadline: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
