"""Brings a database's schema up to date. Many servers may start at once: one migrates, the others find it done."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

_MIGRATION_LOCK = 0x4C454153_4D494752
_FOLDER = Path(__file__).parent / "migrations"


class UnknownSchema(RuntimeError):
    """The database was migrated by a newer Leasehold; starting would be guessing."""


def migrate(connection: Connection) -> None:
    """Run every migration that is missing, inside the connection's transaction, so all of them or none."""
    if connection.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE holds the only write lock already
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    _refuse_newer(connection)
    configuration = migrations()
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


def migrations() -> Config:
    """Alembic's view of this package's migrations."""
    configuration = Config()
    configuration.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return configuration


def _refuse_newer(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(migrations()).walk_revisions()}
    if current is not None and current not in known:
        raise UnknownSchema(f"the database has schema `{current}`, which this version of Leasehold does not know")
