"""Credentials from real systems: PostgreSQL, moto over HTTP, and a server shaped like GitHub's API."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url
from tests.fakes.credential_world import CredentialWorld

from leasehold.external.postgresql import PostgresqlSource
from leasehold.external.secrets import Secrets
from leasehold.model.credentials import PostgresqlLogin
from leasehold.store.sql_store import open_store


@pytest.fixture
def store(sqlite_registry_url):
    opened = open_store(sqlite_registry_url)
    yield opened
    opened.close()


@pytest.fixture
def admin_dsn(postgres_cluster, postgres_database_url) -> Iterator[str]:
    """The administrator's connection string of a database with a table of orders, and a role that reads it."""
    database = make_url(postgres_database_url).database or ""
    with postgres_cluster.connect() as connection:
        dsn = f"host={postgres_cluster.socket_folder} user={connection.info.user} dbname={database}"
    reader = sql.Identifier(f'reader "of" {database[-8:]}')
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int)")
        connection.execute("INSERT INTO orders VALUES (1)")
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(reader))
        connection.execute(sql.SQL("GRANT SELECT ON orders TO {}").format(reader))
    yield dsn
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(reader))


@pytest.fixture
def reader(admin_dsn) -> str:
    """The role that reads orders; its name wants quoting."""
    return f'reader "of" {admin_dsn.rpartition("=")[2][-8:]}'


@pytest.fixture
def orders(store, tmp_path, admin_dsn):
    """A world whose `orders` secret is that administrator."""
    world = CredentialWorld(store, tmp_path, {PostgresqlLogin: PostgresqlSource(Secrets({"ORDERS": admin_dsn}).find)})
    yield world
    world.close()


@pytest.fixture
def working():
    """Run a world's worker as `serve` does: woken by revocations."""
    stop = threading.Event()
    threads = []

    def start(world):
        world.world.store._store.listen(world.endings.wake)
        thread = threading.Thread(target=world.endings.run, args=(stop,), daemon=True)
        thread.start()
        threads.append(thread)

    yield start
    stop.set()
    for thread in threads:
        thread.join(timeout=10)
