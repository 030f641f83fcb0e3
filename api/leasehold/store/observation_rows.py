"""Rows of what tool servers were seen to show. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Column, Field, SQLModel


class ToolObservationRow(SQLModel, table=True):
    """One surface of one server; `surface` and `unreadable` are JSON; times are microseconds since the epoch.

    `position` grows with each write of a server: the newest has the highest, whatever clocks say.
    """

    __tablename__ = "tool_observations"
    __table_args__ = (Index("ix_tool_observations_newest", "server", "position"),)

    server: str = Field(primary_key=True, max_length=63)
    digest: str = Field(primary_key=True, max_length=64)
    surface: str = Field(sa_column=Column(Text, nullable=False))
    unreadable: str = Field(sa_column=Column(Text, nullable=False))
    problem: str = Field(sa_column=Column(Text, nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    first_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    by: str = Field(sa_column=Column(Text, nullable=False))
