"""Workloads of clusters and heartbeats: the same on memory, SQLite and PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from leasehold.model.heartbeats import Heartbeat
from leasehold.model.workloads import Workload, WorkloadKind, nodes_of

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
POD, OTHER = (Workload("prod", WorkloadKind.PODS, f"6f1c{n}") for n in (1, 2))
ELSEWHERE = Workload("prod-2", WorkloadKind.PODS, "6f1c1")
ACCOUNT = Workload("prod", WorkloadKind.SERVICE_ACCOUNTS, "6f1c1")
BEAT = Heartbeat(deployment="triage", ttl=timedelta(seconds=30), due_at=NOW + timedelta(seconds=30))
SECOND = timedelta(seconds=1)


def test_what_stands_is_told_apart_by_cluster_and_kind(store):
    with store.begin() as unit:
        for workload in (POD, OTHER, ELSEWHERE, ACCOUNT):
            assert unit.nodes.ensure(workload.node) == 1
    with store.read() as unit:
        assert unit.workloads.standing(nodes_of(WorkloadKind.PODS, "prod")) == {POD.node, OTHER.node}
        assert unit.workloads.standing(nodes_of(WorkloadKind.PODS)) == {POD.node, OTHER.node, ELSEWHERE.node}
        assert unit.workloads.standing(nodes_of(WorkloadKind.SERVICE_ACCOUNTS, "prod")) == {ACCOUNT.node}
        assert unit.workloads.standing(nodes_of(WorkloadKind.DEPLOYMENTS)) == frozenset()


def test_a_workload_ends_once_and_stands_no_more(store):
    with store.begin() as unit:
        unit.nodes.ensure(POD.node)
        assert unit.workloads.end(POD.node, NOW)
        assert unit.nodes.bump(POD.node) == 2
    with store.begin() as unit:
        assert not unit.workloads.end(POD.node, NOW + SECOND)
        assert unit.workloads.standing(nodes_of(WorkloadKind.PODS, "prod")) == frozenset()
        assert unit.nodes.ensure(POD.node) == 2


def test_of_many_replicas_one_ends_a_workload(store):
    with store.begin() as unit:
        unit.nodes.ensure(POD.node)

    def end(_):
        with store.begin() as unit:
            return unit.workloads.end(POD.node, NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(end, range(8))) == [False] * 7 + [True]


def test_what_is_long_gone_is_forgotten_with_its_node(store):
    with store.begin() as unit:
        for at, workload in ((NOW, POD), (NOW + SECOND, OTHER)):
            unit.nodes.ensure(workload.node)
            unit.workloads.end(workload.node, at)
            unit.nodes.bump(workload.node)
        unit.nodes.ensure(ACCOUNT.node)
    with store.begin() as unit:
        assert unit.workloads.forget(NOW + SECOND) == 1
        assert unit.nodes.generations([POD.node, OTHER.node, ACCOUNT.node]) == {OTHER.node: 2, ACCOUNT.node: 1}


def test_a_heartbeat_comes_back_as_it_went_in(store):
    missed = replace(BEAT, deployment="other", missed_at=NOW)
    with store.begin() as unit:
        unit.heartbeats.put(replace(BEAT, due_at=NOW))
        unit.heartbeats.put(BEAT)
        unit.heartbeats.put(missed)
    with store.begin() as unit:
        assert unit.heartbeats.find("triage") == BEAT
        assert unit.heartbeats.find_all(["triage", "other", "none"]) == {"triage": BEAT, "other": missed}
        assert unit.heartbeats.find_all([]) == {}
        unit.heartbeats.delete("triage")
        unit.heartbeats.delete("none")
        assert unit.heartbeats.find("triage") is None
        assert unit.heartbeats.is_owed()
        unit.heartbeats.delete("other")
        assert not unit.heartbeats.is_owed()


def test_a_heartbeat_is_overdue_from_the_instant_it_is_due_and_missed_once(store):
    with store.begin() as unit:
        unit.heartbeats.put(BEAT)
        unit.heartbeats.put(replace(BEAT, deployment="a-later-one", due_at=BEAT.due_at + SECOND))
        assert unit.heartbeats.overdue(BEAT.due_at - timedelta(microseconds=1)) == []
        assert unit.heartbeats.overdue(BEAT.due_at) == [BEAT]
        assert not unit.heartbeats.miss("triage", BEAT.due_at - SECOND)
        assert unit.heartbeats.miss("triage", BEAT.due_at)
        assert not unit.heartbeats.miss("triage", BEAT.due_at)
        assert not unit.heartbeats.miss("none", BEAT.due_at)
        assert unit.heartbeats.overdue(BEAT.due_at) == []
        assert unit.heartbeats.find("triage") == replace(BEAT, missed_at=BEAT.due_at)


def test_when_heartbeats_were_last_looked_at_is_remembered(store):
    with store.begin() as unit:
        assert unit.heartbeats.looked_at() is None
        unit.heartbeats.look(NOW)
        unit.heartbeats.look(NOW + SECOND)
    with store.read() as unit:
        assert unit.heartbeats.looked_at() == NOW + SECOND
