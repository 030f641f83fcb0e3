"""Who takes leases for what, in SQL: asked of the leases themselves, and of a count per day of those that are gone.

The count is made when expired leases are dropped, never when one is issued: an exchange pays nothing for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BindParameter, Connection, Row, Text, bindparam, cast, delete, func, select
from sqlmodel import SQLModel

from leasehold.model.leases import LeaseUse, Node
from leasehold.store.lease_rows import LeaseRow, from_micros, to_micros
from leasehold.store.lease_use_rows import LeaseUseRow
from leasehold.store.sql_nodes import SqlNodes
from leasehold.store.tables import insert

_DAY = 86_400_000_000  # microseconds
_CHUNK = 500
_LEASES = SQLModel.metadata.tables[str(LeaseRow.__tablename__)]
_USES = SQLModel.metadata.tables[str(LeaseUseRow.__tablename__)]
_L, _U = _LEASES.c, _USES.c
_SCOPES, _ANCESTORS = cast(_L.scopes, Text), cast(_L.ancestors, Text)
_AGENTS: BindParameter[str] = bindparam("agents", expanding=True)
_TOLD = (func.count().label("number"), func.max(_L.issued_at).label("last_at"))
_TAKEN = (
    select(_L.agent, _L.audience, _SCOPES.label("scopes"), *_TOLD)
    .where(_L.agent.in_(_AGENTS), _L.issued_at >= bindparam("since"))
    .group_by(_L.agent, _L.audience, _SCOPES)
)
_COUNTED = select(_U.agent, _U.audience, _U.scopes, _U["count"].label("number"), _U.last_at).where(
    _U.agent.in_(_AGENTS), _U.day >= bindparam("day")
)
_LIVE = (
    select(_L.agent, _L.audience, _SCOPES.label("scopes"), _ANCESTORS.label("ancestors"), *_TOLD)
    .where(_L.agent.in_(_AGENTS), _L.expires_at > bindparam("now"), _L.revoked_at.is_(None))
    .group_by(_L.agent, _L.audience, _SCOPES, _ANCESTORS)
)
_DAY_OF = (_L.issued_at // _DAY).label("day")
_GONE = (
    select(_L.agent, _L.audience, _SCOPES.label("scopes"), _DAY_OF, *_TOLD)
    .where(_L.expires_at < bindparam("before"), _L.agent.is_not(None))
    .group_by(_L.agent, _L.audience, _SCOPES, _DAY_OF)
)


class SqlLeaseUses:
    """`LeaseUses` of one transaction."""

    def __init__(self, connection: Connection, nodes: SqlNodes) -> None:
        self._connection = connection
        self._nodes = nodes

    def taken(self, agents: Iterable[str], since: datetime) -> Sequence[LeaseUse]:
        """What was taken since then, to the day; what is no longer held too."""
        micros = to_micros(since)
        asked = ((_TAKEN, {"since": micros}), (_COUNTED, {"day": micros // _DAY}))
        return [
            _to_use(row)
            for chunk in _chunks(agents)
            for statement, bounds in asked
            for row in self._connection.execute(statement, {"agents": chunk, **bounds})
        ]

    def live(self, agents: Iterable[str], now: datetime) -> Sequence[LeaseUse]:
        """What lives now: neither expired nor revoked, and every ancestor of the generation of its issue."""
        rows = [
            row
            for chunk in _chunks(agents)
            for row in self._connection.execute(_LIVE, {"agents": chunk, "now": to_micros(now)})
        ]
        above = [[(Node(node), at) for node, at in orjson.loads(row.ancestors)] for row in rows]
        generations = self._nodes.generations({node for nodes in above for node, _ in nodes})
        alive = [all(generations.get(node, 0) == at for node, at in nodes) for nodes in above]
        return [_to_use(row) for row, lives in zip(rows, alive, strict=True) if lives]

    def count(self, before: datetime) -> None:
        """Keep a count of the leases that expired before then. They must be dropped in the same transaction."""
        for row in self._connection.execute(_GONE, {"before": to_micros(before)}).all():
            self._add(row)

    def forget(self, before: datetime) -> int:
        """Drop counts of days before then; how many."""
        return self._connection.execute(delete(_USES).where(_U.day < to_micros(before) // _DAY)).rowcount

    def _add(self, row: Row[Any]) -> None:  # Any: SQLAlchemy types the columns of a select no further
        digest = hashlib.sha256(f"{row.audience}\n{row.scopes}".encode()).hexdigest()
        counted = {
            "agent": row.agent,
            "digest": digest,
            "day": row.day,
            "audience": row.audience,
            "scopes": row.scopes,
            "count": row.number,
            "last_at": row.last_at,
        }
        statement = insert(self._connection, _USES).values(counted)
        later = statement.excluded.last_at
        more = {
            "count": _U["count"] + statement.excluded["count"],
            "last_at": func.max(_U.last_at, later)
            if self._connection.dialect.name == "sqlite"
            else func.greatest(_U.last_at, later),
        }
        self._connection.execute(statement.on_conflict_do_update(index_elements=["agent", "digest", "day"], set_=more))


def _chunks(agents: Iterable[str]) -> Iterator[Sequence[str]]:
    ordered = sorted(set(agents))
    return (ordered[at : at + _CHUNK] for at in range(0, len(ordered), _CHUNK))


def _to_use(row: Row[Any]) -> LeaseUse:  # Any: as above
    return LeaseUse(
        agent=row.agent,
        audience=row.audience,
        scopes=frozenset(orjson.loads(row.scopes)),
        count=row.number,
        last_at=from_micros(row.last_at),
    )
