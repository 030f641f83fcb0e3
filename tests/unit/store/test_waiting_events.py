"""Events that wait for their place are found by their index: the trail grows, and they stay few."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import event

from leasehold.model.events import AuditEvent
from leasehold.model.trail.queries import TrailQuery
from leasehold.store.database import open_engine
from leasehold.store.migrate import migrate
from leasehold.store.sql_store import SqlStore


@pytest.fixture
def asked(tmp_path):
    """A store, and what was asked of its database with the plan of each question."""
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        migrate(connection)
    plans = []

    def explain(_connection, cursor, statement, parameters, *_):
        if statement.lstrip().startswith("SELECT"):
            plan = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            plans.append((statement, [row[3] for row in plan]))

    event.listen(engine, "before_cursor_execute", explain)
    store = SqlStore(engine)
    yield store, plans
    store.close()


@pytest.mark.parametrize(
    "ask",
    [lambda trail: trail.unsealed(10), lambda trail: trail.search(TrailQuery(), None, 10)],
    ids=["seal", "search"],
)
def test_an_event_without_a_place_is_found_by_its_index(asked, ask):
    store, plans = asked
    with store.read() as unit:
        ask(unit.trail)
    waiting = [plan for statement, plan in plans if "unsealed" in statement.partition("WHERE")[2]]
    assert waiting == [["SCAN audit_events USING INDEX ix_audit_events_unsealed"]]


@pytest.mark.parametrize("count", [1, 3, 4, 63, 64, 65, 150])
def test_all_events_of_a_batch_are_written_in_their_order_however_many_they_are(asked, count):
    store, _ = asked
    names = [f"event-{n}" for n in range(count)]
    with store.begin() as unit:
        unit.audit.append_all(
            [AuditEvent(at=datetime.now(UTC), principal="p", action="a", kind="k", name=name) for name in names]
        )
    with store.read() as unit:
        assert [one.event.name for one in unit.trail.unsealed(1000)] == names
