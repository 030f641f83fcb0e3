"""One suite, every store: memory, SQLite on a real file, PostgreSQL on a real server."""

import pytest

from leasehold.store.memory.store import MemoryStore
from leasehold.store.sql_store import open_store


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    sqlite = request.param == "sqlite"
    opened = open_store(
        f"sqlite:///{tmp_path / 'x.db'}" if sqlite else request.getfixturevalue("postgres_database_url")
    )
    yield opened
    opened.close()
