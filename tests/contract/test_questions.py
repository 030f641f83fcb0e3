"""Sealed questions, and who is woken by a write: the same on memory, SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta

from leasehold.model.decision_records import SealedQuestion
from leasehold.model.events import Change
from leasehold.model.external import Sealed

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)


def question(name, seconds=0):
    return SealedQuestion(id=name, at=NOW + timedelta(seconds=seconds), sealed=Sealed(f"shut-{name}"))


def test_questions_come_back_newest_first(store):
    with store.begin() as unit:
        unit.questions.add_all([question("a"), question("b", 1), question("c", 2)])
        unit.questions.add_all([])
    with store.read() as unit:
        assert unit.questions.find("b") == question("b", 1)
        assert unit.questions.find("z") is None
        assert unit.questions.latest(2) == [question("c", 2), question("b", 1)]


def test_old_questions_are_forgotten(store):
    with store.begin() as unit:
        unit.questions.add_all([question("a"), question("b", 1)])
    with store.begin() as unit:
        assert unit.questions.forget(NOW + timedelta(seconds=1)) == 1
        assert unit.questions.latest(10) == [question("b", 1)]


def test_what_a_question_holds_is_in_no_repr():
    assert "shut-" not in repr(question("a"))


def test_a_write_that_ends_nothing_wakes_listeners_after_the_commit(store):
    heard = []
    listener = heard.append
    store.listen(listener)
    try:
        with store.begin() as unit:
            unit.changes.append(
                Change(sequence=1, kind="users", name="a", operation="create", revision=1, by="x", at=NOW)
            )
            before = [one for one in heard if one]
        assert before == []
        assert heard
    finally:
        store.unlisten(listener)


def test_a_transaction_that_writes_nothing_to_the_registry_wakes_nobody_here():
    from leasehold.store.memory.store import MemoryStore  # noqa: PLC0415

    store, heard = MemoryStore(), []
    store.listen(heard.append)
    with store.begin() as unit:
        unit.questions.add_all([question("a")])
    assert heard == []
