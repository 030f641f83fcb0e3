"""What tool servers were seen to show, in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, select
from sqlmodel import SQLModel

from leasehold.model.observations import KEPT, Marked, Marks, Observation
from leasehold.model.surface_texts import read_surface, surface_text
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.observation_rows import ToolObservationRow
from leasehold.store.tables import upsert

_ROWS = SQLModel.metadata.tables[str(ToolObservationRow.__tablename__)]
_R = _ROWS.c


class SqlObservations:
    """The newest surfaces of each server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def latest(self, servers: Iterable[str]) -> Mapping[str, Observation]:
        """The newest observation of each of these servers that was ever seen."""
        newest = select(_ROWS).order_by(_R.position.desc(), _R.digest.desc()).limit(1)
        rows = {one: self._connection.execute(newest.where(_R.server == one)).one_or_none() for one in servers}
        return {server: _observation(row) for server, row in rows.items() if row is not None}

    def marks(self) -> Marks:
        """The newest observation of every server, without what it says."""
        rows = select(_R.server, _R.digest, _R.last_at).order_by(_R.position, _R.digest)
        return {
            row.server: Marked(digest=row.digest, last_at=from_micros(row.last_at))
            for row in self._connection.execute(rows)
        }

    def put(self, observation: Observation) -> None:
        """Remember one. Seen before, it keeps when it was seen first; of each server the newest are kept."""
        of_server = _R.server == observation.server
        first = select(_R.first_at).where(of_server, _R.digest == observation.digest)
        first_at = self._connection.execute(first).scalar_one_or_none()
        highest = self._connection.execute(select(func.max(_R.position)).where(of_server)).scalar_one() or 0
        row = _row(observation) | {"position": highest + 1}
        upsert(self._connection, _ROWS, row | ({"first_at": first_at} if first_at is not None else {}))
        kept = select(_R.position).where(of_server).order_by(_R.position.desc()).limit(KEPT).subquery()
        oldest = self._connection.execute(select(func.min(kept.c.position))).scalar_one()
        self._connection.execute(delete(_ROWS).where(of_server, _R.position < oldest))


def _row(observation: Observation) -> dict[str, object]:
    surface = observation.surface
    return {
        "server": observation.server,
        "digest": observation.digest,
        "surface": surface_text(replace(surface, unreadable={})),
        "unreadable": orjson.dumps(dict(surface.unreadable), option=orjson.OPT_SORT_KEYS).decode(),
        "problem": observation.problem,
        "first_at": to_micros(observation.first_at),
        "last_at": to_micros(observation.last_at),
        "by": observation.by,
    }


def _observation(row: Row[Any]) -> Observation:  # Any: the columns above
    return Observation(
        server=row.server,
        surface=replace(read_surface(row.surface), unreadable=orjson.loads(row.unreadable)),
        first_at=from_micros(row.first_at),
        last_at=from_micros(row.last_at),
        by=row.by,
        problem=row.problem,
    )
