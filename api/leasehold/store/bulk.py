"""Statements of the hot path, given to the driver as they are.

For one statement SQLAlchemy computes a cache key, renders lists, prepares a result and converts value by value: more
work than SQLite has with ten rows. Here a statement is compiled once per database, or written out once where both
databases spell it alike; types, errors and the transaction stay SQLAlchemy's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import Connection, CursorResult, Dialect, Table, insert
from sqlalchemy.engine.default import DefaultDialect

Row = Mapping[str, object]


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
        connection.exec_driver_sql(prepared.text, [prepared.values(row) for row in rows])


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement with places in the order of `columns`, and what makes each value one of the driver's."""

    text: str
    columns: Sequence[tuple[str, Callable[[Any], Any] | None]]  # Any: values of every column type

    def values(self, row: Row) -> tuple[object, ...]:
        return tuple([row[name] if convert is None else convert(row[name]) for name, convert in self.columns])


def _prepare(table: Table, dialect: Dialect) -> _Prepared:
    columns = [column for column in table.columns if column is not table.autoincrement_column]
    dialect_class = cast("type[DefaultDialect]", type(dialect))
    placed = dialect_class(paramstyle="qmark" if dialect.name == "sqlite" else "format")
    names = [column.name for column in columns]
    text = str(insert(table).compile(dialect=placed, column_keys=names))
    converters = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]
    return _Prepared(text, list(zip(names, converters, strict=True)))


class Spelled:
    """A statement that differs between the databases in its placeholders alone, which are written as `?`."""

    def __init__(self, text: str) -> None:
        self._texts = {"sqlite": text, "postgresql": text.replace("?", "%s")}

    def __call__(self, connection: Connection, *values: object) -> CursorResult[Any]:  # Any: rows of every shape
        """Run it."""
        return connection.exec_driver_sql(self._texts[connection.dialect.name], values)


def listed(values: Iterable[object]) -> tuple[str]:
    """A list as the one parameter of a statement, which is then the same text however long the list."""
    return (orjson.dumps(list(values)).decode(),)
