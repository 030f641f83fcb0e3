"""Rows of the trail: places, tree, checkpoints, what is shut away. They never leave this room.

Instants are whole microseconds since the epoch. Sealing writes them, behind the hot path; an event itself is one row
of `audit_events` and no index more.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

from leasehold.store.rows import name_type

FACETS = ("kind", "agent", "on_behalf", "owner", "tool", "lease", "deployment")


def _optional() -> Any:  # Any: SQLModel types its fields by the annotation beside them
    return Field(default=None, sa_column=Column(name_type(), nullable=True))


def _number(*, primary_key: bool = False) -> Any:  # Any: as above
    kind = BigInteger().with_variant(Integer(), "sqlite")
    return Field(sa_column=Column(kind, primary_key=primary_key, autoincrement=False, nullable=False))


class SealRow(SQLModel, table=True):
    """The place of one event, its hash, and whom and what it is about. Stays when the event is pruned.

    `version` is that of the record that was hashed.
    """

    __tablename__ = "audit_seals"
    __table_args__ = (
        Index("ix_audit_seals_sequence", "sequence", unique=True),
        Index("ix_audit_seals_at", "at", "sequence"),
        *(Index(f"ix_audit_seals_{facet}", facet, "at", "sequence") for facet in FACETS),
    )
    position: int = _number(primary_key=True)
    sequence: int = _number()
    leaf: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))
    version: int = Field(sa_column=Column(Integer(), nullable=False, server_default="1"))
    at: int = _number()
    kind: str | None = _optional()
    agent: str | None = _optional()
    on_behalf: str | None = _optional()
    owner: str | None = _optional()
    tool: str | None = _optional()
    lease: str | None = _optional()
    deployment: str | None = _optional()


class SubtreeRow(SQLModel, table=True):
    """The hash of 2^level leaves, level 8, 16, …, from `place << level` on."""

    __tablename__ = "audit_subtrees"
    level: int = _number(primary_key=True)
    place: int = _number(primary_key=True)
    hash: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class TrailHeadRow(SQLModel, table=True):
    """How long the trail is, its last leaf, and the subtrees that it falls into, one behind the other. One row."""

    __tablename__ = "audit_head"
    id: int = _number(primary_key=True)
    size: int = _number()
    leaf: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))
    peaks: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class CheckpointRow(SQLModel, table=True):
    """One signed checkpoint; of one size there is one."""

    __tablename__ = "audit_checkpoints"
    size: int = _number(primary_key=True)
    note: str = Field(sa_column=Column(Text(), nullable=False))
    at: int = _number()


class TrailCursorRow(SQLModel, table=True):
    """How far somebody who is told of the trail has come: an anchor, or a receiver of exports. `state` is JSON."""

    __tablename__ = "audit_cursors"
    name: str = Field(sa_column=Column(name_type(), primary_key=True, nullable=False))
    position: int = _number()
    state: str = Field(sa_column=Column(Text(), nullable=False))


class ContentRow(SQLModel, table=True):
    """What went in and came out of something, shut away, by the SHA-256 of what is kept."""

    __tablename__ = "audit_contents"
    __table_args__ = (Index("ix_audit_contents_subject", "subject"),)
    commitment: str = Field(sa_column=Column(name_type(), primary_key=True, nullable=False))
    subject: str = Field(sa_column=Column(name_type(), nullable=False))
    sealed: str = Field(sa_column=Column(Text(), nullable=False))


class ContentKeyRow(SQLModel, table=True):
    """The key of one subject, itself sealed. Without its row nothing of the subject can be read any more."""

    __tablename__ = "audit_content_keys"
    subject: str = Field(sa_column=Column(name_type(), primary_key=True, nullable=False))
    sealed: str = Field(sa_column=Column(Text(), nullable=False))


class HoldRow(SQLModel, table=True):
    """A legal hold: while it stands nothing is pruned that it names."""

    __tablename__ = "audit_holds"
    name: str = Field(sa_column=Column(name_type(), primary_key=True, nullable=False))
    reason: str = Field(sa_column=Column(Text(), nullable=False))
    agent: str | None = _optional()
    by: str = Field(sa_column=Column(Text(), nullable=False))
    at: int = _number()
