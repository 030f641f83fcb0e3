"""What the toolchain's unit tests share."""

import pytest
from toolchain import Places, repository


@pytest.fixture
def repository_places() -> Places:
    """The places of this checkout."""
    return repository()
