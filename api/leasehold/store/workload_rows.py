"""Rows of what ended outside the registry: workloads that are gone, heartbeats that are due. They stay in this room."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlmodel import Column, Field, SQLModel


class EndedWorkloadRow(SQLModel, table=True):
    """One workload that is gone; its node is kept as long. Instants are microseconds since the epoch."""

    __tablename__ = "ended_workloads"

    node: str = Field(primary_key=True, max_length=160)
    ended_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class HeartbeatRow(SQLModel, table=True):
    """The heartbeat of one deployment. `missed_at` is set when one did not come in time."""

    __tablename__ = "heartbeats"

    deployment: str = Field(primary_key=True, max_length=63)
    ttl: int = Field(sa_column=Column(BigInteger, nullable=False))
    due_at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    missed_at: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))


class AwakeRow(SQLModel, table=True):
    """The one row that says when heartbeats were last looked at."""

    __tablename__ = "awake"

    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    looked_at: int = Field(sa_column=Column(BigInteger, nullable=False))
