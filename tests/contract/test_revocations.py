"""The revocation stream: what ends is in it, in one order without a gap, on memory, SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contract.test_leases import LEASE, NOW

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import Node
from leasehold.model.revocations import REVOCATIONS_KEPT

WRITERS = 8
EVENT = AuditEvent(at=NOW, principal="oidc:alice", action="put", kind="agents", name="triage", outcome=Outcome.OK)


def bump(store, node, at=NOW):
    with store.begin() as unit:
        unit.nodes.bump(Node(node))
        unit.audit.append(replace(EVENT, at=at))


def news(told):
    """A listener that leaves out calls without events: PostgreSQL makes those too, for what others may have done."""
    return lambda events: told.append(events) if events else None


def stream(store, since=0):
    with store.read() as unit:
        return [(e.sequence, e.node, e.generation) for e in unit.revocations.since(since, 1000)]


def test_a_bump_is_in_the_stream_with_who_why_and_when(store):
    with store.begin() as unit:
        assert unit.revocations.latest() == 0
        unit.nodes.bump(Node("agent:triage"))
        unit.audit.append(EVENT)
        unit.nodes.bump(Node("owner:bob"))
        unit.audit.append(replace(EVENT, principal="oidc:carol", detail={"reason": "left"}))
    with store.read() as unit:
        first, second = unit.revocations.since(0, 10)
        assert unit.revocations.latest() == 2
    assert (first.sequence, first.node, first.generation) == (1, "agent:triage", 1)
    assert (first.actor, first.reason, first.at) == ("oidc:alice", "put agents/triage", NOW)
    assert (second.sequence, second.node, second.actor, second.reason) == (2, "owner:bob", "oidc:carol", "left")


def test_whether_a_node_was_revoked_since_is_known_while_the_event_is_kept(store):
    later = NOW + timedelta(minutes=1)
    bump(store, "user:okta/alice")
    bump(store, "user:okta/bob")
    bump(store, "user:okta/alice", later)
    with store.read() as unit:
        asked = [Node("user:okta/alice"), Node("user:okta/bob"), Node("registry")]
        assert unit.revocations.ended_since(asked, NOW) == {"user:okta/alice", "user:okta/bob"}
        assert unit.revocations.ended_since(asked, later) == {"user:okta/alice"}
        assert unit.revocations.ended_since(asked, later + timedelta(microseconds=1)) == frozenset()
        assert unit.revocations.ended_since([], NOW) == frozenset()


def test_a_bump_that_nobody_explains_is_in_the_stream_all_the_same(store):
    with store.begin() as unit:
        unit.nodes.bump(Node("registry"))
    assert stream(store) == [(1, "registry", 1)]


def test_a_node_bumped_twice_in_one_transaction_is_one_event_of_its_last_generation(store):
    with store.begin() as unit:
        unit.nodes.bump(Node("a"))
        unit.nodes.bump(Node("a"))
    assert stream(store) == [(1, "a", 2)]


def test_ensuring_a_node_ends_nothing(store):
    with store.begin() as unit:
        unit.nodes.ensure(Node("a"))
    assert stream(store) == []


def test_a_lease_that_ends_is_in_the_stream_once(store):
    with store.begin() as unit:
        unit.leases.add(LEASE)
        unit.leases.revoke("unknown", NOW)
    assert stream(store) == []
    for _ in range(2):
        with store.begin() as unit:
            unit.leases.revoke(LEASE.id, NOW)
    assert stream(store) == [(1, f"lease:{LEASE.id}", 1)]


def test_what_is_rolled_back_is_neither_in_the_stream_nor_told(store):
    told = []
    store.listen(news(told))

    def interrupted():
        with store.begin() as unit:
            unit.nodes.bump(Node("a"))
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert stream(store) == []
    assert told == []


def test_listeners_are_told_what_a_reader_can_already_see(store):
    told = []

    def listener(events):
        if events:
            told.append(([e.sequence for e in events], [sequence for sequence, _, _ in stream(store)]))

    store.listen(listener)
    bump(store, "a")
    with store.begin() as unit:
        unit.nodes.ensure(Node("b"))
    store.unlisten(listener)
    bump(store, "a")
    assert told == [([1], [1])]


def test_a_listener_that_fails_fails_nobody_else(store):
    told = []
    store.listen(lambda _: {}["a listener's own mistake"])
    store.listen(news(told))
    bump(store, "a")
    assert [e.node for e in told[0]] == ["a"]


def test_writers_at_once_leave_no_gap_and_lose_nothing(store):
    def write(writer):
        for turn in range(3):
            with store.begin() as unit:
                unit.nodes.bump(Node(f"n{writer}"))
                unit.nodes.bump(Node("shared" if turn else f"own{writer}"))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    events = stream(store)
    assert [sequence for sequence, _, _ in events] == list(range(1, 6 * WRITERS + 1))
    shared = [generation for _, node, generation in events if node == "shared"]
    assert shared == list(range(1, 2 * WRITERS + 1))


def test_the_minimums_are_the_highest_generations_of_what_is_kept(store):
    for node in ("a", "b", "a"):
        bump(store, node)
    with store.read() as unit:
        assert unit.revocations.minimums() == {"a": 2, "b": 1}


def test_old_events_go_and_the_sequence_goes_on(store):
    for node in ("a", "b", "c"):
        bump(store, node)
    with store.begin() as unit:
        assert unit.revocations.horizon() == 0
        assert unit.revocations.forget(NOW) == 0
        assert unit.revocations.forget(NOW + timedelta(seconds=1)) == 2
        assert (unit.revocations.horizon(), unit.revocations.latest()) == (2, 3)
    bump(store, "d")
    assert stream(store, since=2) == [(3, "c", 1), (4, "d", 1)]


def test_appending_forgets_what_no_token_can_remember(store):
    bump(store, "a")
    bump(store, "b", NOW + REVOCATIONS_KEPT)
    assert [sequence for sequence, _, _ in stream(store)] == [1, 2]
    bump(store, "c", NOW + REVOCATIONS_KEPT + timedelta(microseconds=1))
    assert [sequence for sequence, _, _ in stream(store)] == [2, 3]


class TestWhileTheSteadyClockStands:
    @pytest.fixture
    def steady(self):
        return lambda: 0.0

    def test_a_clock_that_leaps_ahead_takes_no_revocation_out_of_the_stream(self, store):
        bump(store, "agent:triage")
        for hours in (1, 2, 3):
            bump(store, "owner:alice", NOW + timedelta(hours=hours))
        with store.read() as unit:
            assert unit.revocations.minimums() == {"agent:triage": 1, "owner:alice": 3}
