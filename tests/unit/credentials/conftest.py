"""Credentials on a store in memory, from systems in memory."""

import pytest
from tests.fakes.credential_world import FEDERATION, LOGIN, TOKEN, CredentialWorld

from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path):
    built = CredentialWorld(MemoryStore(), tmp_path)
    for name, spec in (("orders", LOGIN), ("github", TOKEN), ("vault", FEDERATION)):
        built.profile(name, spec)
    yield built
    built.close()
