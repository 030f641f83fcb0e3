"""One suite, every store: memory, SQLite on a real file, PostgreSQL on a real server."""

from itertools import count

import pytest

from leasehold.store.memory.store import MemoryStore
from leasehold.store.sql_store import open_store


@pytest.fixture
def steady():
    """A clock that only goes on, by years with every look: whatever a test says that it is, may be so."""
    return count(0, 10**8).__next__


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request, steady):
    if request.param == "memory":
        yield MemoryStore(steady)
        return
    opened = open_store(request.getfixturevalue(f"{request.param}_registry_url"), steady)
    yield opened
    opened.close()
