"""A real terraform, a real registry, and the provider as it is shipped."""

import pytest
from tests.e2e.provider.stack import Stack
from tests.fakes.registry_http import live_registry

from leasehold_provider.packaging.archive import ENTRY, PACKAGE, archive_bytes, read_sources


@pytest.fixture(scope="session")
def executable():
    return archive_bytes(read_sources(PACKAGE), ENTRY)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """One registry for the tests of a file, which use names of their own."""
    with live_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def own_registry(tmp_path):
    """A registry that a test may kill."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with live_registry(folder) as running:
        yield running


@pytest.fixture
def make_stack(tmp_path, executable):
    """Return a function that makes a Terraform root module of one stack."""

    def make(registry, stack="prod", identity=None):
        folder = tmp_path / f"stack-{stack}"
        folder.mkdir()
        return Stack(folder, executable, registry, stack, identity or f"ci-{stack}")

    return make
