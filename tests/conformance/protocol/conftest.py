"""A workspace per test, and the version of the terraform under test."""

from pathlib import Path

import pytest
from tests.fakes.terraform_workspace import Workspace, version


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Return an empty workspace."""
    return Workspace(tmp_path)


@pytest.fixture(scope="session")
def terraform_version() -> tuple[int, int]:
    """Return major and minor version."""
    return version()
