"""Tasks: the same on memory, SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from leasehold.model.tasks import Task

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
TASK = Task(id="ticket-4711", agent="triage", created_at=NOW, deadline=NOW + timedelta(hours=1))


def test_a_task_comes_back_as_it_went_in(store):
    endless = replace(TASK, id="ticket-4712", deadline=None)
    with store.begin() as unit:
        unit.tasks.open(TASK)
        unit.tasks.open(endless)
    with store.read() as unit:
        assert unit.tasks.find("ticket-4711") == TASK
        assert unit.tasks.find("ticket-4712") == endless
        assert unit.tasks.find("ticket-4713") is None


def test_the_first_to_name_a_task_has_it(store):
    with store.begin() as unit:
        unit.tasks.open(TASK)
        unit.tasks.open(replace(TASK, agent="intruder", deadline=None))
        assert unit.tasks.find(TASK.id) == TASK


def test_a_task_ends_once(store):
    with store.begin() as unit:
        unit.tasks.open(TASK)
        assert unit.tasks.end(TASK.id, NOW + timedelta(minutes=1))
        assert not unit.tasks.end(TASK.id, NOW + timedelta(minutes=2))
        assert not unit.tasks.end("ticket-4713", NOW)
    with store.read() as unit:
        assert unit.tasks.find(TASK.id) == replace(TASK, ended_at=NOW + timedelta(minutes=1))
