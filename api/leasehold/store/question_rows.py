"""Rows of sealed questions. They never leave this room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Text
from sqlmodel import Column, Field, SQLModel


class QuestionRow(SQLModel, table=True):
    """One question; `at` is microseconds since the epoch."""

    __tablename__ = "decision_questions"

    id: str = Field(primary_key=True, max_length=64)
    at: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))
    sealed: str = Field(sa_column=Column(Text, nullable=False))
