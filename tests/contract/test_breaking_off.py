"""A database that fails in the middle of a transaction, at a statement given straight to its driver."""

from dataclasses import replace

import pytest
from tests.contract.test_leases import LEASE, NOW

from leasehold.model.errors import Unavailable
from leasehold.model.leases import Node
from leasehold.store.sql_store import open_store

MANY = [replace(LEASE, status=None, id=f"many-{n}") for n in range(500)]


def fill_the_disk(connection, _store):
    connection.exec_driver_sql("PRAGMA max_page_count=1")  # as small as it is by now


def end_the_session(connection, store):
    pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with store._engine.begin() as other:
        other.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (pid,))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def failing(request):
    store = open_store(request.getfixturevalue(f"{request.param}_registry_url"))
    yield store, fill_the_disk if request.param == "sqlite" else end_the_session
    store.close()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda unit: unit.leases.add_all(MANY), id="leases"),
        pytest.param(lambda unit: unit.replays.first_uses({("i" * 500, str(n)): NOW for n in range(500)}), id="uses"),
        pytest.param(lambda unit: [unit.nodes.ensure(Node(f"agent:{n:0500d}")) for n in range(200)], id="nodes"),
    ],
)
def test_whatever_it_stops_at_it_is_said_and_nothing_is_written(failing, act):
    store, fails = failing

    def written_half():
        with store.begin() as unit:
            unit.leases.add(LEASE)
            fails(unit.leases._connection, store)
            act(unit)

    with pytest.raises(Unavailable):
        written_half()
    with store.read() as unit:
        assert unit.leases.find(LEASE.id) is None
        assert unit.nodes.generations([Node("agent:triage")]) == {}
