"""What a drift report asks of the past: histories, events, uses of leases, baselines. The same on every store."""

from dataclasses import replace
from datetime import timedelta

from tests.contract.samples import EVERY_SPEC, NOW
from tests.contract.test_leases import DELEGATED, LEASE, PLATFORM

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.outside import Baseline
from leasehold.model.plain import plain
from leasehold.model.records import Version

DAY = timedelta(days=1)


def version(name, revision, spec=None):
    plain_spec = plain(spec) if spec is not None else None
    operation = "delete" if spec is None else "create"
    return Version(
        kind=Kind.OWNERS, name=name, revision=revision, operation=operation, by="b", at=NOW, stack=None, spec=plain_spec
    )


def event(name, action="create", outcome=Outcome.OK, kind="owners", **detail):
    return AuditEvent(at=NOW, principal="p", action=action, kind=kind, name=name, outcome=outcome, detail=detail)


def leased(number, **changes):
    return replace(LEASE, **{"id": f"lease-{number}", "token_sha256": f"{number:064x}", "status": None, **changes})


def by_scopes(uses):
    return {(one.agent, one.audience, one.scopes): (one.count, one.last_at) for one in uses}


def test_histories_of_many_names_come_in_one_go(store):
    many = [f"owner-{number}" for number in range(1_203)]
    with store.begin() as unit:
        for name in many:
            unit.versions.append(version(name, 1, EVERY_SPEC[Kind.OWNERS]))
        unit.versions.append(version(many[0], 2))
    with store.read() as unit:
        found = unit.versions.histories({*((Kind.OWNERS, name) for name in many), (Kind.AGENTS, many[0])})
        assert set(found) == {(Kind.OWNERS, name) for name in many}
        assert [one.revision for one in found[Kind.OWNERS, many[0]]] == [1, 2]
        assert list(found[Kind.OWNERS, many[0]]) == list(unit.versions.since(Kind.OWNERS, many[0], 0))
        assert unit.versions.histories(()) == {}


def test_only_events_of_what_was_done_are_told_newest_first(store):
    with store.begin() as unit:
        for one in (
            event("a", revision=1),
            event("a", "update", Outcome.DENIED),
            event("a", "update", revision=2, lease="l"),
            event("a", kind="agents"),
            event("b", outcome=Outcome.ERROR),
        ):
            unit.audit.append(one)
    with store.read() as unit:
        found = unit.audit.done([("owners", "a"), ("owners", "b"), ("owners", "unknown")])
        assert {key: [one.event.detail.get("revision") for one in events] for key, events in found.items()} == {
            ("owners", "a"): [2, 1]
        }
        assert found["owners", "a"][0].sequence > found["owners", "a"][1].sequence
        assert unit.audit.done(()) == {}


def test_what_lives_is_counted_by_what_it_carries(store):
    with store.begin() as unit:
        unit.nodes.ensure("registry")
        for _ in range(7):
            unit.nodes.bump("agent:triage")
        unit.leases.add_all([leased(1), leased(2), leased(3, scopes=frozenset({"mcp:tool:other:read"}))])
        unit.leases.add_all([leased(4, expires_at=NOW), leased(5, agent="scout"), replace(PLATFORM, agent=None)])
        unit.leases.add(leased(6, ancestors=(LEASE.ancestors[0], replace(LEASE.ancestors[1], generation=6))))
        unit.leases.add(leased(7))
        unit.leases.revoke("lease-7", NOW)
    with store.read() as unit:
        live = by_scopes(unit.lease_uses.live({"triage"}, NOW))
        assert {scopes: count for (_, _, scopes), (count, _) in live.items()} == {
            LEASE.scopes: 2,
            frozenset({"mcp:tool:other:read"}): 1,
        }
        assert unit.lease_uses.live((), NOW) == unit.lease_uses.live({"nobody"}, NOW) == []


def test_the_count_outlives_the_leases(store):
    old = NOW - 3 * DAY
    with store.begin() as unit:
        unit.leases.add_all([leased(1), leased(2, issued_at=old, expires_at=old), DELEGATED])
        unit.leases.add_all([leased(3, issued_at=old - DAY, expires_at=old - DAY), leased(4, issued_at=old - 40 * DAY)])
        unit.leases.add(leased(5, issued_at=old, expires_at=old + timedelta(seconds=300)))
    for _ in range(2):  # the second time finds nothing new
        with store.begin() as unit:
            unit.lease_uses.count(NOW - DAY)
            unit.leases.forget(NOW - DAY)
    with store.begin() as unit:  # a day is added to, as its last leases expire
        unit.leases.add(leased(6, issued_at=old + timedelta(hours=1), expires_at=old + timedelta(hours=1)))
        unit.lease_uses.count(NOW - DAY)
        unit.leases.forget(NOW - DAY)
    with store.read() as unit:
        taken = unit.lease_uses.taken(["triage"], NOW - 30 * DAY)
        assert sum(one.count for one in taken) == 2 + 1 + 3
        assert max(one.last_at for one in taken) == LEASE.issued_at
        at_most = [one for one in taken if one.last_at < NOW - DAY]
        assert max(one.last_at for one in at_most) == old + timedelta(hours=1)
        assert {one.scopes for one in taken} == {LEASE.scopes}
    with store.begin() as unit:
        assert unit.lease_uses.forget(NOW - 3 * DAY) == 1
    with store.read() as unit:
        assert sum(one.count for one in unit.lease_uses.taken(["triage"], NOW - 30 * DAY)) == 2 + 3
        assert unit.lease_uses.taken(["triage"], NOW + DAY) == []


def test_a_use_is_a_plain_value():
    use = LeaseUse(agent="a", audience="b", scopes=frozenset({"c"}), count=1, last_at=NOW)
    assert use == replace(use)


def test_a_baseline_comes_back_as_it_went_in_and_is_replaced(store):
    seen = Baseline(
        profile="deploy", target="t" * 64, facts={"b": [1, {"x": None}], "a": "é"}, problem="", at=NOW, by="ci"
    )
    unseen = replace(seen, profile="other", facts=None, problem="AWS did not answer")
    with store.begin() as unit:
        unit.baselines.put(seen)
        unit.baselines.put(unseen)
    with store.read() as unit:
        assert unit.baselines.find_all(["deploy", "other", "unknown"]) == {"deploy": seen, "other": unseen}
    with store.begin() as unit:
        unit.baselines.put(replace(seen, facts={}))
    with store.read() as unit:
        assert unit.baselines.find_all({"deploy"})["deploy"].facts == {}
        assert unit.baselines.find_all(()) == {}
