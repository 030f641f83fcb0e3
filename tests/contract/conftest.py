"""One suite, every store: memory, SQLite on a real file, PostgreSQL on a real server."""

import pytest

from leasehold.store.memory.store import MemoryStore
from leasehold.store.sql_store import open_store


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request):
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = open_store(request.getfixturevalue(f"{request.param}_registry_url"))
    yield opened
    opened.close()
