"""Statements of the hot path, given to the driver as they are.

For one statement SQLAlchemy computes a cache key, renders lists, prepares a result and converts value by value: more
work than SQLite has with ten rows, and by code that is cold whenever a batch comes. Here a statement is compiled or
written out once per database and runs on the driver's cursor; types, connections and the transaction stay SQLAlchemy's,
and `database.transaction` takes the driver's errors for what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Dialect, Table, insert
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import DBAPICursor

Row = Mapping[str, object]
_AT_ONCE = (64, 16, 4, 1)  # of 15 columns at most: SQLite takes 32,766 values in one statement


class BulkInsert:
    """INSERT of many rows of one table; a column that counts up by itself is left out."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._prepared: dict[str, _Prepared] = {}

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Insert `rows`, at least one, each with every column."""
        dialect = connection.dialect
        prepared = self._prepared.get(dialect.name)
        if prepared is None:
            prepared = self._prepared[dialect.name] = _prepare(self._table, dialect)
        cursor = connection.connection.cursor()
        values = [prepared.values(row) for row in rows]
        if dialect.name == "sqlite":
            for text, several in prepared.at_once(values):
                cursor.execute(text, several)
        else:
            cursor.executemany(prepared.text, values)
        cursor.close()


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement with places in the order of `columns`, and what makes each value one of the driver's."""

    text: str
    columns: Sequence[tuple[str, Callable[[Any], Any] | None]]  # Any: values of every column type

    def values(self, row: Row) -> tuple[object, ...]:
        return tuple([row[name] if convert is None else convert(row[name]) for name, convert in self.columns])

    def at_once(self, rows: Sequence[tuple[object, ...]]) -> Iterator[tuple[str, list[object]]]:
        """Statements of several rows each. SQLite's driver gives the interpreter away and waits for it at every one.

        There are few different ones, so that the driver has them prepared.
        """
        head, _, places = self.text.rpartition(" VALUES ")
        done = 0
        for size in _AT_ONCE:
            while len(rows) - done >= size:
                text = f"{head} VALUES {', '.join([places] * size)}"
                yield text, [value for row in rows[done : done + size] for value in row]
                done += size


def _prepare(table: Table, dialect: Dialect) -> _Prepared:
    columns = [column for column in table.columns if column is not table.autoincrement_column]
    dialect_class = cast("type[DefaultDialect]", type(dialect))
    placed = dialect_class(paramstyle="qmark" if dialect.name == "sqlite" else "format")
    names = [column.name for column in columns]
    text = str(insert(table).compile(dialect=placed, column_keys=names))
    converters = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    return _Prepared(text, list(zip(names, converters, strict=True)))


class Spelled:
    """A statement written out. Where only `sqlite` is given, the databases differ in their placeholders alone."""

    def __init__(self, sqlite: str, postgresql: str | None = None) -> None:
        self._texts = {"sqlite": sqlite, "postgresql": postgresql or sqlite.replace("?", "%s")}

    def rows(self, connection: Connection, *values: object) -> Sequence[Any]:  # Any: rows of every shape
        """Run it; every row that it answers with."""
        cursor = self._run(connection, values)
        rows = cursor.fetchall()
        cursor.close()
        return rows

    def one(self, connection: Connection, *values: object) -> Any:  # Any: as above
        """Run it; the one value that it answers with."""
        ((value,),) = self.rows(connection, *values)
        return value

    def count(self, connection: Connection, *values: object) -> int:
        """Run it; how many rows it changed."""
        cursor = self._run(connection, values)
        changed = cursor.rowcount
        cursor.close()
        return changed

    def _run(self, connection: Connection, values: tuple[object, ...]) -> DBAPICursor:
        cursor = connection.connection.cursor()
        cursor.execute(self._texts[connection.dialect.name], values)
        return cursor


def listed(values: Iterable[object]) -> str:
    """A list as one parameter of a statement, which is then the same text however long the list."""
    return orjson.dumps(list(values)).decode()
