"""A verifier that has just taken an empty snapshot."""

from datetime import UTC, datetime

import pytest
from tests.fakes.verifying import Desk

from leasehold.keys.file_keys import FileKeys


@pytest.fixture(scope="session")
def signer(tmp_path_factory):
    return FileKeys(tmp_path_factory.mktemp("keys"), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def unheard(signer):
    return Desk(signer)


@pytest.fixture
def desk(unheard):
    unheard.start(unheard.snapshot(0, {}))
    return unheard
