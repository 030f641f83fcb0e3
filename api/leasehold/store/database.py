"""Connections and transactions of SQLite and PostgreSQL, and their failures in our words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from leasehold.model.errors import Unavailable

BUSY_SECONDS = 10.0
CONNECT_SECONDS = 5
POOL_SIZE = 5
POOL_OVERFLOW = 35  # the control plane runs up to 40 requests at once
_WRITES = "leasehold_writes"
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "trusted_schema=OFF",
    # 32 MB, for 4: whoever commits last before it pays for all, and pages written many times are copied once.
    "wal_autocheckpoint=8000",
)
_log = logging.getLogger(__name__)


def open_engine(url: str) -> Engine:
    """An engine that makes every transaction durable and honest; no connection is made yet."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite(url)
    return create_engine(
        url,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,  # a restarted database costs no request its answer
        connect_args={"connect_timeout": CONNECT_SECONDS},
    )


@contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """One transaction: committed on normal exit, rolled back on an exception. Raises `Unavailable`."""
    try:
        with engine.connect() as connection:
            _configure(connection, writes=writes)
            with connection.begin():
                yield connection
    except _failures_of(engine) as error:
        _log.warning("the database does not answer: %s", type(getattr(error, "orig", error)).__name__)
        raise Unavailable("the database does not answer; nothing was written") from error


def _failures_of(engine: Engine) -> tuple[type[Exception], ...]:
    """What says that the database does not answer; also as the driver says it (PEP 249), to which `bulk` speaks."""
    driver: Any = engine.dialect.dbapi  # Any: a module
    own = (driver.OperationalError, driver.InterfaceError, driver.InternalError)
    return OperationalError, InterfaceError, InternalError, PoolTimeout, *own


def _configure(connection: Connection, *, writes: bool) -> None:
    if connection.dialect.name == "sqlite":
        connection.execution_options(**{_WRITES: writes})
    elif not writes:
        # READ COMMITTED would let one answer mix two states of the registry.
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _sqlite(url: str) -> Engine:
    if database := make_url(url).database:
        Path(database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(database).touch(mode=0o600)  # who may do what is nobody else's to read on this machine
    engine = create_engine(
        url,
        json_serializer=_json,
        json_deserializer=orjson.loads,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=BUSY_SECONDS,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _prepare(connection: SqliteConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver would begin late and commit early: we say BEGIN ourselves
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the one write lock at once: a transaction that read first could otherwise never get it.
    options: Any = connection.get_execution_options()  # Any: options are free-form
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES) else "BEGIN")
