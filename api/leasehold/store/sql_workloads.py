"""What ended outside the registry, in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select, update
from sqlmodel import SQLModel

from leasehold.model.heartbeats import Heartbeat
from leasehold.model.leases import Node
from leasehold.model.workloads import STANDING_GENERATION
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.tables import NODES, insert, upsert
from leasehold.store.workload_rows import AwakeRow, EndedWorkloadRow, HeartbeatRow

_ENDED = SQLModel.metadata.tables[str(EndedWorkloadRow.__tablename__)]
_BEATS = SQLModel.metadata.tables[str(HeartbeatRow.__tablename__)]
_AWAKE = SQLModel.metadata.tables[str(AwakeRow.__tablename__)]
_NAMED = select(_BEATS).where(_BEATS.c.deployment.in_(bindparam("names", expanding=True)))
_ONLY_ROW = 1
_LAST = "\U0010ffff"  # behind every text that starts alike, by code point


class SqlWorkloads:
    """Workloads by node: those that leases hang on, and those that are gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standing(self, start: str) -> frozenset[Node]:
        """The nodes that start so and whose workload is not known to be gone."""
        named = (NODES.c.node >= start) & (NODES.c.node < start + _LAST)
        wanted = select(NODES.c.node).where(named & (NODES.c.generation == STANDING_GENERATION))
        return frozenset(Node(node) for (node,) in self._connection.execute(wanted))

    def end(self, node: Node, at: datetime) -> bool:
        """Remember that a workload is gone; True for the first to say so."""
        row = insert(self._connection, _ENDED).values(node=node, ended_at=to_micros(at)).on_conflict_do_nothing()
        return self._connection.execute(row.returning(_ENDED.c.node)).first() is not None

    def forget(self, before: datetime) -> int:
        """Drop workloads that were gone before `before`, and their nodes; how many."""
        old = _ENDED.c.ended_at < to_micros(before)
        self._connection.execute(delete(NODES).where(NODES.c.node.in_(select(_ENDED.c.node).where(old))))
        return self._connection.execute(delete(_ENDED).where(old)).rowcount


class SqlHeartbeats:
    """Heartbeats by deployment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, heartbeat: Heartbeat) -> None:
        """Remember when the next heartbeat is due."""
        missed = to_micros(heartbeat.missed_at) if heartbeat.missed_at is not None else None
        row = {
            "deployment": heartbeat.deployment,
            "ttl": heartbeat.ttl // timedelta(microseconds=1),
            "due_at": to_micros(heartbeat.due_at),
            "missed_at": missed,
        }
        upsert(self._connection, _BEATS, row)

    def find(self, deployment: str) -> Heartbeat | None:
        """The heartbeat of a deployment that owes one."""
        return self.find_all((deployment,)).get(deployment)

    def find_all(self, deployments: Iterable[str]) -> Mapping[str, Heartbeat]:
        """The heartbeats of those deployments that owe one."""
        rows = self._connection.execute(_NAMED, {"names": sorted(set(deployments))})
        return {row.deployment: _to_heartbeat(row) for row in rows}

    def delete(self, deployment: str) -> None:
        """The deployment owes none any more."""
        self._connection.execute(delete(_BEATS).where(_BEATS.c.deployment == deployment))

    def is_owed(self) -> bool:
        """Whether anybody owes one."""
        return self._connection.execute(select(_BEATS.c.deployment).limit(1)).first() is not None

    def overdue(self, now: datetime) -> Sequence[Heartbeat]:
        """Those that were due by now and are not known to be missed, by name."""
        late = (_BEATS.c.due_at <= to_micros(now)) & _BEATS.c.missed_at.is_(None)
        rows = self._connection.execute(select(_BEATS).where(late).order_by(_BEATS.c.deployment))
        return [_to_heartbeat(row) for row in rows]

    def miss(self, deployment: str, now: datetime) -> bool:
        """Remember that it was missed; False if it came meanwhile, or somebody remembered before."""
        moment = to_micros(now)
        late = (_BEATS.c.deployment == deployment) & (_BEATS.c.due_at <= moment) & _BEATS.c.missed_at.is_(None)
        return bool(self._connection.execute(update(_BEATS).where(late).values(missed_at=moment)).rowcount)

    def looked_at(self) -> datetime | None:
        """When anybody last looked for those that are overdue."""
        found = self._connection.execute(select(_AWAKE.c.looked_at)).scalar_one_or_none()
        return from_micros(found) if found is not None else None

    def look(self, now: datetime) -> None:
        """Remember that somebody looks now."""
        upsert(self._connection, _AWAKE, {"id": _ONLY_ROW, "looked_at": to_micros(now)})


def _to_heartbeat(row: Row[Any]) -> Heartbeat:  # Any: SQLAlchemy types the columns of a reflected table no further
    return Heartbeat(
        deployment=row.deployment,
        ttl=timedelta(microseconds=row.ttl),
        due_at=from_micros(row.due_at),
        missed_at=from_micros(row.missed_at) if row.missed_at is not None else None,
    )
