"""Sealed questions in memory, on a dict that the unit of work owns, commits and rolls back."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import datetime

from leasehold.model.decision_records import SealedQuestion


class MemoryQuestions:
    """Sealed questions, newest first."""

    def __init__(self, questions: MutableMapping[str, SealedQuestion]) -> None:
        self._questions = questions

    def add_all(self, questions: Sequence[SealedQuestion]) -> None:
        """Keep these."""
        self._questions.update({one.id: one for one in questions})

    def find(self, question_id: str) -> SealedQuestion | None:
        """The question of one decision."""
        return self._questions.get(question_id)

    def latest(self, limit: int) -> Sequence[SealedQuestion]:
        """At most `limit`, newest first."""
        return sorted(self._questions.values(), key=lambda one: (one.at, one.id), reverse=True)[:limit]

    def forget(self, before: datetime) -> int:
        """Drop what is older. How many."""
        old = [one.id for one in self._questions.values() if one.at < before]
        for one in old:
            del self._questions[one]
        return len(old)
