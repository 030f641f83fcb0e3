"""Token services with their feeds on loopback, on real databases."""

import pytest
from tests.fakes.live_feed import serving

from leasehold.store.sql_store import open_store


@pytest.fixture
def service(registry_url, tmp_path):
    store = open_store(registry_url)
    with serving(store, tmp_path) as service:
        yield service
    store.close()
