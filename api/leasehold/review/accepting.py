"""Drift exceptions: which findings are accepted, by whom, until when. One that has ended accepts nothing."""

from __future__ import annotations

from collections import defaultdict

from leasehold.model.exceptions import LONGEST_EXCEPTION, DriftException
from leasehold.model.kinds import Kind
from leasehold.review.drafts import Draft
from leasehold.review.findings import Accepted, DriftClass
from leasehold.review.worlds import Live

Answer = tuple[Accepted | None, Accepted | None]
# Whoever may accept drift could otherwise accept that they may.
_NEVER = frozenset({Kind.DRIFT_EXCEPTIONS})


class Exceptions:
    """The exceptions that live, by fingerprint."""

    def __init__(self, live: Live) -> None:
        self._now = live.at
        self._found: dict[str, list[Accepted]] = defaultdict(list)
        for (kind, name), stored in sorted(live.stored.items()):
            if kind is Kind.DRIFT_EXCEPTIONS and isinstance(stored.spec, DriftException):
                until = min(stored.spec.expires_at, stored.updated_at + LONGEST_EXCEPTION)
                accepted = Accepted(name, stored.spec.reason, stored.updated_by, until)
                self._found[stored.spec.fingerprint].append(accepted)

    def answer(self, draft: Draft, fingerprint: str) -> Answer:
        """The exception that accepts a finding, or else the one that did last."""
        if draft.key[0] in _NEVER or draft.class_ is DriftClass.CONFLICT:
            return None, None
        latest = max(self._found.get(fingerprint, ()), key=lambda one: one.until, default=None)
        if latest is None:
            return None, None
        return (latest, None) if self._now < latest.until else (None, latest)
