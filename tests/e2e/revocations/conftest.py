"""Token services with their feeds on loopback, on real databases."""

import pytest
from tests.fakes.live_feed import serving

from leasehold.store.sql_store import open_store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'leasehold.db'}"
    return request.getfixturevalue("postgres_database_url")


@pytest.fixture
def service(database_url, tmp_path):
    store = open_store(database_url)
    with serving(store, tmp_path) as service:
        yield service
    store.close()
