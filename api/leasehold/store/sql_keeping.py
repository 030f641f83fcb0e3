"""What is kept of the trail, in SQL: contents and their keys, holds, and forgetting."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, delete, or_, select, update

from leasehold.model.trail.keeping import Hold, Pruned
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.tables import AUDIT, CONTENT_KEYS, CONTENTS, HOLDS, SEALS, insert, upsert
from leasehold.store.trail_rows import FACETS


class SqlKeeping:
    """`Keeping` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_key(self, subject: str) -> str | None:
        """The sealed key of a subject."""
        wanted = select(CONTENT_KEYS.c.sealed).where(CONTENT_KEYS.c.subject == subject)
        return self._connection.execute(wanted).scalar_one_or_none()

    def agree_on_key(self, subject: str, proposed: str) -> str:
        """The sealed key of a subject; `proposed` if there was none."""
        proposal = insert(self._connection, CONTENT_KEYS).values(subject=subject, sealed=proposed)
        self._connection.execute(proposal.on_conflict_do_nothing())
        return self.find_key(subject) or proposed

    def find_content(self, commitment: str) -> tuple[str, str] | None:
        """Whose content it is, and what is shut away."""
        wanted = select(CONTENTS.c.subject, CONTENTS.c.sealed).where(CONTENTS.c.commitment == commitment)
        row = self._connection.execute(wanted).first()
        return (row.subject, row.sealed) if row is not None else None

    def erase(self, subject: str) -> int:
        """Destroy the key of a subject and what was shut away with it; how many contents it was."""
        self._connection.execute(delete(CONTENT_KEYS).where(CONTENT_KEYS.c.subject == subject))
        return self._connection.execute(delete(CONTENTS).where(CONTENTS.c.subject == subject)).rowcount

    def holds(self) -> Sequence[Hold]:
        """Every hold, by name."""
        rows = self._connection.execute(select(HOLDS).order_by(HOLDS.c.name))
        return [Hold(name=r.name, reason=r.reason, by=r.by, at=from_micros(r.at), agent=r.agent) for r in rows]

    def hold(self, hold: Hold) -> None:
        """Keep a hold, in place of one of the same name."""
        row = {"name": hold.name, "reason": hold.reason, "agent": hold.agent, "by": hold.by, "at": to_micros(hold.at)}
        upsert(self._connection, HOLDS, row)

    def release(self, name: str) -> bool:
        """End a hold; False if there was none."""
        return self._connection.execute(delete(HOLDS).where(HOLDS.c.name == name)).rowcount > 0

    def prune(self, kind: str, until: datetime, size: int, limit: int) -> Pruned | None:
        """Forget at most `limit` events of a kind before `until`, below position `size` and under no hold."""
        s = SEALS.c
        holds = self.holds()
        if any(one.agent is None for one in holds):
            return None
        held = [one.agent for one in holds]
        wanted = select(s.position, s.sequence).where(s.kind == kind, s.at < to_micros(until), s.position < size)
        wanted = wanted.where(or_(s.agent.is_(None), s.agent.not_in(held))) if held else wanted
        rows = self._connection.execute(wanted.order_by(s.at).limit(limit)).all()
        if not rows:
            return None
        positions, sequences = [row.position for row in rows], [row.sequence for row in rows]
        self._forget_contents(sequences)
        self._connection.execute(delete(AUDIT).where(AUDIT.c.sequence.in_(sequences)))
        nothing = dict.fromkeys(FACETS)  # what is found by nothing is not looked for again either
        self._connection.execute(update(SEALS).where(s.position.in_(positions)).values(nothing))
        return Pruned(len(rows), min(positions), max(positions) + 1)

    def _forget_contents(self, sequences: Sequence[int]) -> None:
        wanted = select(AUDIT.c.content).where(AUDIT.c.sequence.in_(sequences), AUDIT.c.content.is_not(None))
        found = [orjson.loads(row.content)["commitment"] for row in self._connection.execute(wanted)]
        if found:
            self._connection.execute(delete(CONTENTS).where(CONTENTS.c.commitment.in_(found)))
