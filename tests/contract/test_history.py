"""Versions, changes, audit events, nodes and the bootstrap token: what grows, grows in order."""

from datetime import timedelta

import pytest
from tests.contract.samples import EVERY_SPEC, NOW

from leasehold.model.events import AuditEvent, Change, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.plain import plain
from leasehold.model.records import BootstrapToken, Version


def version(revision, name="x", **changes):
    fields = {
        "kind": Kind.OWNERS,
        "name": name,
        "revision": revision,
        "operation": "update",
        "by": "alice",
        "at": NOW,
        "stack": None,
        "spec": plain(EVERY_SPEC[Kind.OWNERS]),
    }
    return Version(**{**fields, **changes})


def change(sequence):
    return Change(sequence=sequence, kind="owners", name="x", operation="create", revision=1, by="alice", at=NOW)


def event(name, **changes):
    fields = {"at": NOW, "principal": "alice", "action": "put", "kind": "owners", "name": name}
    return AuditEvent(**{**fields, **changes})


def test_versions_come_back_in_order_from_the_one_asked_for(store):
    kept = [version(1), version(2, stack="prod"), version(3, operation="delete", spec=None)]
    with store.begin() as unit:
        for one in [*kept, version(1, "y"), version(7, kind=Kind.SCOPES)]:
            unit.versions.append(one)
    with store.read() as unit:
        assert unit.versions.since(Kind.OWNERS, "x", 0) == kept
        assert unit.versions.since(Kind.OWNERS, "x", 2) == kept[1:]
        assert unit.versions.since(Kind.OWNERS, "x", 4) == []
        assert unit.versions.last_revision(Kind.OWNERS, "x") == 3
        assert unit.versions.last_revision(Kind.OWNERS, "z") == 0


def test_changes_come_back_in_sequence(store):
    with store.begin() as unit:
        assert unit.changes.latest() == 0
        unit.changes.lock()
        for sequence in (1, 2, 3):
            unit.changes.append(change(sequence))
        assert unit.changes.latest() == 3
    with store.read() as unit:
        assert unit.changes.since(1, 10) == [change(2), change(3)]
        assert unit.changes.since(0, 2) == [change(1), change(2)]
        assert unit.changes.since(3, 10) == []


def test_events_come_back_newest_first_with_their_place(store):
    events = [
        event("x"),
        event("y", outcome=Outcome.DENIED, reason="forbidden: no", stack="prod", detail={"a": [1, "é"]}),
        event("x", outcome=Outcome.OK, kind="agents"),
    ]
    with store.begin() as unit:
        for one in events:
            unit.audit.append(one)
    with store.read() as unit:
        records = unit.audit.list()
        assert [r.event for r in records] == events[::-1]
        assert [r.sequence for r in records] == [3, 2, 1]
        assert unit.audit.list(name="x", limit=1) == records[:1]
        assert unit.audit.list(name="x", kind="owners") == records[2:]
        assert unit.audit.list(before=3) == records[1:]
        assert unit.audit.list(before=1) == []


def test_many_events_are_kept_in_their_order_and_the_first_explains_what_was_bumped(store):
    events = [event(f"e{n}", detail={"n": n}) for n in range(300)]
    with store.begin() as unit:
        unit.nodes.bump("agent:triage")
        unit.audit.append_all([])
        unit.audit.append_all(events)
    with store.read() as unit:
        assert [record.event for record in unit.audit.list(limit=1000)] == events[::-1]
        assert [revoked.actor for revoked in unit.revocations.since(0, 10)] == [events[0].principal]


def test_a_node_counts_up_and_is_only_made_when_asked_for(store):
    with store.begin() as unit:
        assert unit.nodes.generations(["a", "b"]) == {}
        assert [unit.nodes.bump("a"), unit.nodes.bump("a")] == [1, 2]
        assert [unit.nodes.ensure("b"), unit.nodes.ensure("b"), unit.nodes.ensure("a")] == [1, 1, 2]
    with store.read() as unit:
        assert unit.nodes.generations(["a", "b", "c"]) == {"a": 2, "b": 1}
        assert unit.nodes.generations([f"n{n}" for n in range(12_000)]) == {}


def test_there_is_one_bootstrap_token_at_most(store):
    token = BootstrapToken(sha256="ab" * 32, expires_at=NOW)
    used = BootstrapToken(sha256="cd" * 32, expires_at=NOW, consumed_at=NOW + timedelta(seconds=1))
    with store.begin() as unit:
        assert unit.bootstrap.find() is None
        unit.bootstrap.put(token)
        assert unit.bootstrap.find() == token
        unit.bootstrap.put(used)
    with store.read() as unit:
        assert unit.bootstrap.find() == used


class Stop(Exception):
    """What goes wrong in the middle of a transaction."""


def test_a_transaction_that_fails_leaves_nothing(store):
    with store.begin() as unit:
        unit.nodes.bump("kept")

    def fail_halfway():
        with store.begin() as unit:
            unit.nodes.bump("kept")
            unit.audit.append(event("x"))
            unit.changes.append(change(1))
            unit.versions.append(version(1))
            unit.bootstrap.put(BootstrapToken(sha256="", expires_at=NOW))
            raise Stop

    with pytest.raises(Stop):
        fail_halfway()
    with store.read() as unit:
        assert unit.nodes.generations(["kept"]) == {"kept": 1}
        assert unit.audit.list() == []
        assert unit.changes.latest() == 0
        assert unit.versions.last_revision(Kind.OWNERS, "x") == 0
        assert unit.bootstrap.find() is None


def test_a_reader_sees_one_state_while_others_write(store):
    with store.begin() as unit:
        unit.nodes.bump("a")
    with store.read() as reader:
        assert reader.nodes.generations(["a"]) == {"a": 1}
        with store.begin() as writer:
            writer.nodes.bump("a")
        assert reader.nodes.generations(["a"]) == {"a": 1}
    with store.read() as reader:
        assert reader.nodes.generations(["a"]) == {"a": 2}
