"""What a sub-agent costs, counted in a database file: one lease, one audit event, no object of the registry."""

from collections import Counter

import pytest
from sqlalchemy import event, inspect, text
from tests.fakes.delegation_world import Family, details
from tests.fakes.exchange_world import world_on

from leasehold.store.sql_store import open_store


@pytest.fixture
def family(sqlite_registry_url, tmp_path):
    store = open_store(sqlite_registry_url)
    with world_on(store, tmp_path) as world:
        family = Family(world)
        family.engine = store._engine
        yield family
    store.close()


def rows(family) -> Counter[str]:
    with family.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        return Counter({t: connection.execute(text(f"SELECT count(*) FROM {t}")).scalar_one() for t in tables})  # noqa: S608


def test_a_spawn_writes_one_lease_and_one_audit_event(family):
    parent = family.own("triage")
    family.spawn(parent, "coder")
    before = rows(family)
    for _ in range(5):
        family.spawn(parent, "coder")
    assert rows(family) - before == {"leases": 5, "audit_events": 5}


def test_the_hundredth_spawn_asks_the_database_no_more_than_the_second(family):
    parent = family.own("triage")
    family.spawn(parent, "coder")
    said: list[str] = []
    # Asked of SQLite itself: whatever reaches it is counted, by whichever way.
    event.listen(
        family.engine, "checkout", lambda own, *_: own.set_trace_callback(lambda text: said.append(text.split()[0]))
    )

    def statements() -> Counter[str]:
        said.clear()
        family.spawn(parent, "coder")
        return Counter(said)

    second = statements()
    for _ in range(97):
        family.spawn(parent, "coder")
    assert statements() == second
    assert second["INSERT"] == 2
    assert not second["UPDATE"]
    assert not second["DELETE"]


def test_a_token_of_the_deepest_chain_stays_small(family):
    token, size = family.own("triage"), 50
    for agent in ("coder", "tester", "checker", "linter"):
        token = family.spawn(token, agent, details=details(size={"range": {"max": size}})).access_token
        size -= 1
    assert len(token) < 3000
    assert family.alive(token)
