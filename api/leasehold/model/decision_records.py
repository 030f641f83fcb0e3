"""What is kept of a decision besides its audit event: the question, shut away, so that it can be asked again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leasehold.model.external import Sealed

QUESTIONS_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedQuestion:
    """The question of one decision, raw values and all: readable to this server alone, and for a week."""

    id: str
    at: datetime
    sealed: Sealed = field(repr=False)
