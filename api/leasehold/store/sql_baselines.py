"""Baselines of what lies beyond the registry, in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson
from sqlalchemy import Connection, select
from sqlmodel import SQLModel

from leasehold.model.outside import Baseline
from leasehold.store.baseline_rows import BaselineRow
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.tables import upsert

_BASELINES = SQLModel.metadata.tables[str(BaselineRow.__tablename__)]
_CHUNK = 500


class SqlBaselines:
    """One baseline per credential profile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_all(self, profiles: Iterable[str]) -> Mapping[str, Baseline]:
        """Those of the profiles that have one."""
        wanted = sorted(set(profiles))
        found: dict[str, Baseline] = {}
        for at in range(0, len(wanted), _CHUNK):
            asked = select(_BASELINES).where(_BASELINES.c.profile.in_(wanted[at : at + _CHUNK]))
            for row in self._connection.execute(asked):
                found[row.profile] = Baseline(
                    profile=row.profile,
                    target=row.target,
                    facts=orjson.loads(row.facts) if row.facts is not None else None,
                    problem=row.problem,
                    at=from_micros(row.at),
                    by=row.by,
                )
        return found

    def put(self, baseline: Baseline) -> None:
        """Replace the baseline of a profile."""
        facts = baseline.facts
        row = {
            "profile": baseline.profile,
            "target": baseline.target,
            "facts": orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS).decode() if facts is not None else None,
            "problem": baseline.problem,
            "at": to_micros(baseline.at),
            "by": baseline.by,
        }
        upsert(self._connection, _BASELINES, row)
