"""The migrated schema is the one that the rows describe, on both databases, however many servers start at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlmodel import SQLModel

from leasehold.store.database import open_engine, transaction
from leasehold.store.migrate import UnknownSchema
from leasehold.store.sql_store import open_store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    return request.getfixturevalue("postgres_database_url")


def test_migrations_lead_to_what_the_rows_describe(url):
    open_store(url).close()
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []
        inspector = inspect(connection)
        for table in SQLModel.metadata.sorted_tables:
            primary = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert primary == [column.name for column in table.primary_key], table.name
            nullable = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert nullable == {column.name: column.nullable for column in table.columns}, table.name
    engine.dispose()


def test_servers_that_start_at_once_migrate_once(url):
    with ThreadPoolExecutor(4) as pool:
        for store in pool.map(lambda _: open_store(url), range(4)):
            store.close()


def test_a_database_of_a_newer_version_is_left_alone(url):
    open_store(url).close()
    engine = open_engine(url)
    with transaction(engine, writes=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(UnknownSchema, match="9999"):
        open_store(url)
