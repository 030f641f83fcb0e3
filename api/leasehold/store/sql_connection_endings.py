"""Connections that are over, and us as a client elsewhere, in SQL, inside the transaction of their connection."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Row, delete, insert, select, update
from sqlmodel import SQLModel

from leasehold.model.connections import Connection, EndingConnection, Envelope, UpstreamClient
from leasehold.model.plain import plain
from leasehold.store.connection_rows import EndingRow, UpstreamClientRow
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.sql_connections import envelope_of
from leasehold.store.tables import upsert

_ENDINGS = SQLModel.metadata.tables[str(EndingRow.__tablename__)]
_CLIENTS = SQLModel.metadata.tables[str(UpstreamClientRow.__tablename__)]
_E = _ENDINGS.c


class SqlConnectionEndings:
    """Connections that nobody can use any more, by id."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    def add(self, ending: EndingConnection) -> None:
        """Remember what is left to do."""
        row = {"id": ending.connection.id, **_to_row(ending)}
        self._connection.execute(insert(_ENDINGS), row)

    def due(self, now: datetime, limit: int) -> Sequence[EndingConnection]:
        """Those whose next attempt is due, the longest due first."""
        wanted = select(_ENDINGS).where(_E.next_attempt_at <= to_micros(now)).order_by(_E.next_attempt_at, _E.id)
        return [_to_ending(row) for row in self._connection.execute(wanted.limit(limit))]

    def find(self, connection_id: str) -> EndingConnection | None:
        """The one with this id."""
        row = self._connection.execute(select(_ENDINGS).where(_E.id == connection_id)).first()
        return _to_ending(row) if row is not None else None

    def replace(self, ending: EndingConnection, seen: datetime) -> bool:
        """Remember it as it is now, unless somebody else took it since its attempt was due at `seen`; whether so."""
        same = (_E.id == ending.connection.id) & (_E.next_attempt_at == to_micros(seen))
        return bool(self._connection.execute(update(_ENDINGS).where(same).values(_to_row(ending))).rowcount)

    def remove(self, connection_id: str) -> bool:
        """Nothing is left to do; whether there was."""
        return bool(self._connection.execute(delete(_ENDINGS).where(_E.id == connection_id)).rowcount)


class SqlUpstreamClients:
    """Who we are, by authorization server and redirect address: never at another one."""

    def __init__(self, connection: SqlConnection) -> None:
        self._connection = connection

    def find(self, issuer: str, redirect_uri: str) -> UpstreamClient | None:
        """Us at this very issuer."""
        digest = _digest(issuer, redirect_uri)
        row = self._connection.execute(select(_CLIENTS).where(_CLIENTS.c.digest == digest)).first()
        if row is None or (row.issuer, row.redirect_uri) != (issuer, redirect_uri):
            return None
        return UpstreamClient(
            issuer=row.issuer,
            redirect_uri=row.redirect_uri,
            client_id=row.client_id,
            registered_at=from_micros(row.registered_at),
            envelope=envelope_of(row) if row.sealed is not None else None,
        )

    def put(self, client: UpstreamClient) -> None:
        """Remember who we are there now."""
        envelope = client.envelope
        values = {
            "digest": _digest(client.issuer, client.redirect_uri),
            "issuer": client.issuer,
            "redirect_uri": client.redirect_uri,
            "client_id": client.client_id,
            "registered_at": to_micros(client.registered_at),
            "key_id": envelope.key_id if envelope is not None else None,
            "wrapped_key": envelope.wrapped_key if envelope is not None else None,
            "sealed": envelope.sealed if envelope is not None else None,
        }
        upsert(self._connection, _CLIENTS, values)

    def remove(self, client: UpstreamClient) -> bool:
        """Nobody knows us there any more; whether somebody did."""
        one = _CLIENTS.c.digest == _digest(client.issuer, client.redirect_uri)
        one &= _CLIENTS.c.client_id == client.client_id
        return bool(self._connection.execute(delete(_CLIENTS).where(one)).rowcount)

    def list(self) -> Sequence[UpstreamClient]:
        """All of them, by issuer."""
        rows = self._connection.execute(select(_CLIENTS.c.issuer, _CLIENTS.c.redirect_uri))
        found = (self.find(issuer, redirect_uri) for issuer, redirect_uri in sorted(map(tuple, rows.all())))
        return [one for one in found if one is not None]


def _digest(issuer: str, redirect_uri: str) -> str:
    return hashlib.sha256(f"{issuer}\n{redirect_uri}".encode()).hexdigest()


def _to_row(one: EndingConnection) -> dict[str, Any]:  # Any: columns of every type
    known = plain(one.connection) | {"holder": one.connection.holder.key}
    return {
        "connection": orjson.dumps(known).decode(),
        "key_id": one.envelope.key_id,
        "wrapped_key": one.envelope.wrapped_key,
        "sealed": one.envelope.sealed,
        "reason": one.reason,
        "ended_at": to_micros(one.ended_at),
        "attempts": one.attempts,
        "next_attempt_at": to_micros(one.next_attempt_at),
        "problem": one.problem,
    }


def _to_ending(row: Row[Any]) -> EndingConnection:  # Any: SQLAlchemy types the columns no further
    known = orjson.loads(row.connection)
    key: str = known["holder"]
    known["holder"] = {"name": key.partition(":")[2]} if key.startswith("shared:") else {"user": key}
    return EndingConnection(
        connection=_adapter().validate_python(known),
        envelope=Envelope(key_id=row.key_id, wrapped_key=row.wrapped_key, sealed=row.sealed),
        reason=row.reason,
        ended_at=from_micros(row.ended_at),
        attempts=row.attempts,
        next_attempt_at=from_micros(row.next_attempt_at),
        problem=row.problem,
    )


@cache
def _adapter() -> TypeAdapter[Connection]:
    return TypeAdapter(Connection)
