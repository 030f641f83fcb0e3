"""The tables behind the rows, for statements, and the one statement that both databases spell alike but type apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite

from leasehold.store import rows, trail_rows


def _table(row: Any) -> Table:  # Any: SQLModel adds __table__ to a class at run time
    return cast(Table, row.__table__)


OBJECTS = _table(rows.ObjectRow)
REFERENCES = _table(rows.ReferenceRow)
IDENTITIES = _table(rows.IdentityRow)
RELATIONS = _table(rows.RelationRow)
VERSIONS = _table(rows.VersionRow)
CHANGES = _table(rows.ChangeRow)
NODES = _table(rows.NodeRow)
AUDIT = _table(rows.AuditRow)
BOOTSTRAP = _table(rows.BootstrapRow)
SEALS = _table(trail_rows.SealRow)
SUBTREES = _table(trail_rows.SubtreeRow)
TRAIL_HEAD = _table(trail_rows.TrailHeadRow)
CHECKPOINTS = _table(trail_rows.CheckpointRow)
TRAIL_CURSORS = _table(trail_rows.TrailCursorRow)
CONTENTS = _table(trail_rows.ContentRow)
CONTENT_KEYS = _table(trail_rows.ContentKeyRow)
HOLDS = _table(trail_rows.HoldRow)
WITHOUT_PLACE = text("unsealed")
"""Of an event: in the words of the partial index, for SQLite knows it by no others and would read the whole table."""


def insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, of the connection's dialect."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def upsert(connection: Connection, table: Table, values: Mapping[str, object]) -> None:
    """Insert a row, or overwrite the one of the same primary key."""
    keys = [column.name for column in table.primary_key]
    statement = insert(connection, table).values(values)
    rest = {name: statement.excluded[name] for name in values if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest))
