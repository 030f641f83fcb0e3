"""Connections and promotions in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Row, delete, or_, select, update
from sqlmodel import SQLModel

from leasehold.model.connections import Connection, Envelope, Holder, Promotion, SealedConnection, Shared, holder_of
from leasehold.model.leases import Ancestor, Node
from leasehold.model.upstream import Method
from leasehold.store.bumps import Bumps
from leasehold.store.connection_rows import ConnectionRow, PromotionRow
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.tables import upsert

_CONNECTIONS = SQLModel.metadata.tables[str(ConnectionRow.__tablename__)]
_PROMOTIONS = SQLModel.metadata.tables[str(PromotionRow.__tablename__)]
_C, _P = _CONNECTIONS.c, _PROMOTIONS.c
_KNOWN = [column for column in _C if column.name not in {"key_id", "wrapped_key", "sealed", "claimed_until"}]


class SqlConnections:
    """Connections by who holds them and for which tool server."""

    def __init__(self, connection: SqlConnection, bumps: Bumps) -> None:
        self._connection = connection
        self._bumps = bumps

    def put(self, sealed: SealedConnection) -> None:
        """Remember a connection instead of the one that this holder had there."""
        self._bumps.changed = True
        upsert(self._connection, _CONNECTIONS, {**_to_row(sealed), "claimed_until": None})

    def find(self, holder: Holder, tool_server: str) -> SealedConnection | None:
        """The one connection of this holder at this tool server, with its secret: there is no other way to it."""
        row = self._connection.execute(select(_CONNECTIONS).where(_place(holder, tool_server))).first()
        return SealedConnection(connection=_to_connection(row), envelope=envelope_of(row)) if row is not None else None

    def named(self, connection_id: str) -> Connection | None:
        """What is known of the connection with this id."""
        row = self._connection.execute(select(*_KNOWN).where(_C.id == connection_id)).first()
        return _to_connection(row) if row is not None else None

    def list(
        self, *, after: str = "", limit: int, holder: Holder | None = None, tool_server: str | None = None
    ) -> Sequence[Connection]:
        """What is known of connections, in the order of their ids."""
        wanted = [_C.id > after]
        wanted += [_C.holder == holder.key] if holder is not None else []
        wanted += [_C.tool_server == tool_server] if tool_server is not None else []
        found = select(*_KNOWN).where(*wanted).order_by(_C.id).limit(limit)
        return [_to_connection(row) for row in self._connection.execute(found)]

    def shared(self) -> Sequence[Connection]:
        """What is known of those that are the organisation's, in the order of their ids."""
        prefix = Shared("x").key.removesuffix("x")
        found = select(*_KNOWN).where(_C.holder.startswith(prefix, autoescape=True)).order_by(_C.id)
        return [_to_connection(row) for row in self._connection.execute(found)]

    def replace(self, sealed: SealedConnection, revision: int) -> bool:
        """Remember a connection as it is now, unless it moved on from `revision`; whether it was remembered."""
        row = {**_to_row(sealed), "claimed_until": None}
        one = _place(sealed.connection.holder, sealed.connection.tool_server)
        same = one & (_C.id == sealed.connection.id) & (_C.revision == revision)
        changed = bool(self._connection.execute(update(_CONNECTIONS).where(same).values(row)).rowcount)
        self._bumps.changed |= changed
        return changed

    def claim(self, connection: Connection, now: datetime, until: datetime) -> bool:
        """Be the only one to refresh it until then; False if somebody else is, or it moved on meanwhile."""
        same = _place(connection.holder, connection.tool_server) & (_C.id == connection.id)
        same &= _C.revision == connection.revision
        free = or_(_C.claimed_until.is_(None), _C.claimed_until <= to_micros(now))
        claimed = update(_CONNECTIONS).where(same, free).values(claimed_until=to_micros(until))
        return bool(self._connection.execute(claimed).rowcount)

    def remove(self, connection: Connection) -> bool:
        """Forget a connection; whether it was there."""
        one = _place(connection.holder, connection.tool_server) & (_C.id == connection.id)
        removed = bool(self._connection.execute(delete(_CONNECTIONS).where(one)).rowcount)
        self._bumps.changed |= removed
        return removed


class SqlPromotions:
    """Which agent may use which shared connection."""

    def __init__(self, connection: SqlConnection, bumps: Bumps) -> None:
        self._connection = connection
        self._bumps = bumps

    def put(self, promotion: Promotion) -> None:
        """Remember a promotion instead of the one that this agent had there."""
        self._bumps.changed = True
        values = {
            "agent": promotion.agent,
            "tool_server": promotion.tool_server,
            "connection": promotion.connection,
            "holder": promotion.holder.key,
            "agent_since": to_micros(promotion.agent_since),
            "promoted_at": to_micros(promotion.promoted_at),
            "promoted_by": promotion.promoted_by,
            "justification": promotion.justification,
        }
        upsert(self._connection, _PROMOTIONS, values)

    def find(self, agent: str, tool_server: str) -> Promotion | None:
        """What this agent may use at this tool server."""
        wanted = (_P.agent == agent) & (_P.tool_server == tool_server)
        row = self._connection.execute(select(_PROMOTIONS).where(wanted)).first()
        return _to_promotion(row) if row is not None else None

    def of_connection(self, connection_id: str) -> Sequence[Promotion]:
        """Every agent that may use a connection, by name."""
        found = select(_PROMOTIONS).where(_P.connection == connection_id).order_by(_P.agent)
        return [_to_promotion(row) for row in self._connection.execute(found)]

    def every(self) -> Sequence[Promotion]:
        """All of them, by agent and tool server."""
        found = select(_PROMOTIONS).order_by(_P.agent, _P.tool_server)
        return [_to_promotion(row) for row in self._connection.execute(found)]

    def remove(self, agent: str, tool_server: str) -> bool:
        """End a promotion; whether there was one."""
        wanted = (_P.agent == agent) & (_P.tool_server == tool_server)
        removed = bool(self._connection.execute(delete(_PROMOTIONS).where(wanted)).rowcount)
        self._bumps.changed |= removed
        return removed


def envelope_of(row: Row[Any]) -> Envelope:  # Any: SQLAlchemy types the columns of a reflected table no further
    """The envelope in a row that has one."""
    return Envelope(key_id=row.key_id, wrapped_key=row.wrapped_key, sealed=row.sealed)


def _place(holder: Holder, tool_server: str) -> Any:  # Any: SQLAlchemy's own type of a condition
    return (_C.holder == holder.key) & (_C.tool_server == tool_server)


def _to_row(sealed: SealedConnection) -> dict[str, Any]:  # Any: columns of every type
    one, envelope = sealed.connection, sealed.envelope
    return {
        "holder": one.holder.key,
        "tool_server": one.tool_server,
        "id": one.id,
        "address": one.address,
        "method": one.method.value,
        "issuer": one.issuer,
        "scopes": sorted(one.scopes),
        "ancestors": [[a.node, a.generation] for a in one.ancestors],
        "created_at": to_micros(one.created_at),
        "created_by": one.created_by,
        "updated_at": to_micros(one.updated_at),
        "expires_at": to_micros(one.expires_at) if one.expires_at is not None else None,
        "revision": one.revision,
        "broken": one.broken,
        "key_id": envelope.key_id,
        "wrapped_key": envelope.wrapped_key,
        "sealed": envelope.sealed,
    }


def _to_connection(row: Row[Any]) -> Connection:  # Any: as above
    return Connection(
        id=row.id,
        holder=holder_of(row.holder),
        tool_server=row.tool_server,
        address=row.address,
        method=Method(row.method),
        issuer=row.issuer,
        scopes=frozenset(row.scopes),
        ancestors=tuple(Ancestor(Node(node), generation) for node, generation in row.ancestors),
        created_at=from_micros(row.created_at),
        created_by=row.created_by,
        updated_at=from_micros(row.updated_at),
        expires_at=from_micros(row.expires_at) if row.expires_at is not None else None,
        revision=row.revision,
        broken=row.broken,
    )


def _to_promotion(row: Row[Any]) -> Promotion:  # Any: as above
    return Promotion(
        agent=row.agent,
        tool_server=row.tool_server,
        connection=row.connection,
        holder=Shared(row.holder.partition(":")[2]),
        agent_since=from_micros(row.agent_since),
        promoted_at=from_micros(row.promoted_at),
        promoted_by=row.promoted_by,
        justification=row.justification,
    )
