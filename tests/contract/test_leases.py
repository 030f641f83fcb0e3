"""Leases and first uses: the same on memory, SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leasehold.model.leases import Ancestor, Lease, Node
from leasehold.model.status import StatusPlace

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
LEASE = Lease(
    id="l1",
    subject="agent:triage",
    agent="triage",
    deployment="triage-prod",
    binding="triage-pods",
    audience="https://mcp.example",
    scopes=frozenset({"mcp:tool:read_file:read", "mcp:tool:comment:write"}),
    ancestors=(Ancestor(Node("registry"), 1), Ancestor(Node("agent:triage"), 7)),
    token_sha256="a" * 64,
    issued_at=NOW,
    expires_at=NOW + timedelta(seconds=300),
    status=StatusPlace("0123456789abcdef", 131_071),
)
DELEGATED = replace(LEASE, id="l4", token_sha256="d" * 64, parent="l1", task="ticket-4711", status=None)
PLATFORM = replace(LEASE, id="l2", agent=None, deployment=None, token_sha256="b" * 64, scopes=frozenset(), status=None)


def test_a_lease_comes_back_as_it_went_in(store):
    with store.begin() as unit:
        unit.leases.add(LEASE)
        unit.leases.add_all([PLATFORM, DELEGATED])
        unit.leases.add_all([])
    with store.read() as unit:
        assert unit.leases.find("l1") == LEASE
        assert unit.leases.find("l4") == DELEGATED
        assert unit.leases.find_all(["l1", "l2", "unknown"]) == {"l1": LEASE, "l2": PLATFORM}
        assert unit.leases.find("unknown") is None
        assert unit.leases.find_all([]) == {}


@pytest.mark.parametrize(
    "again",
    [{"token_sha256": "c" * 64, "status": None}, {"id": "l3", "token_sha256": "c"}],
)
def test_an_id_and_a_place_are_leased_once(store, again):
    with store.begin() as unit:
        unit.leases.add(LEASE)
    with pytest.raises(Exception, match=r"(?i)unique|once"), store.begin() as unit:
        unit.leases.add(replace(LEASE, **again))


def test_the_first_revocation_counts(store):
    with store.begin() as unit:
        unit.leases.add(LEASE)
        unit.leases.revoke("l1", NOW)
        unit.leases.revoke("l1", NOW + timedelta(seconds=9))
        unit.leases.revoke("unknown", NOW)
    with store.read() as unit:
        assert unit.leases.find("l1") == replace(LEASE, revoked_at=NOW)


def test_a_lease_that_is_rolled_back_was_never_there(store):
    def interrupted():
        with store.begin() as unit:
            unit.leases.add(LEASE)
            assert unit.replays.first_use("issuer", "d", NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    with store.begin() as unit:
        assert unit.leases.find("l1") is None
        assert unit.replays.first_use("issuer", "d", NOW)


def test_a_use_is_the_first_once_for_each_issuer(store):
    with store.begin() as unit:
        assert unit.replays.first_use("issuer", "d", NOW)
        assert not unit.replays.first_use("issuer", "d", NOW)
        assert unit.replays.first_use("other", "d", NOW)
    with store.begin() as unit:
        assert not unit.replays.first_use("issuer", "d", NOW + timedelta(days=1))


def test_uses_are_taken_together(store):
    uses = {("issuer", f"d{n}"): NOW for n in range(600)}
    with store.begin() as unit:
        assert unit.replays.first_uses({}) == frozenset()
        assert unit.replays.first_uses({("issuer", "d7"): NOW}) == {("issuer", "d7")}
        assert unit.replays.first_uses(uses) == uses.keys() - {("issuer", "d7")}


def test_what_has_expired_is_forgotten(store):
    with store.begin() as unit:
        unit.leases.add(LEASE)
        assert unit.replays.first_use("issuer", "d", NOW)
        assert (unit.leases.forget(LEASE.expires_at), unit.replays.forget(NOW)) == (0, 0)
        later = timedelta(microseconds=1)
        assert (unit.leases.forget(LEASE.expires_at + later), unit.replays.forget(NOW + later)) == (1, 1)
        assert unit.leases.find("l1") is None
        assert unit.replays.first_use("issuer", "d", NOW)


def test_a_status_list_holds_the_leases_that_have_a_place_on_it_and_live(store):
    beside = replace(LEASE, id="l5", token_sha256="e" * 64, status=StatusPlace("0123456789abcdef", 0))
    elsewhere = replace(LEASE, id="l6", token_sha256="f" * 64, status=StatusPlace("fedcba9876543210", 0))
    with store.begin() as unit:
        unit.leases.add_all([LEASE, beside, elsewhere, DELEGATED])
        unit.leases.revoke("l5", NOW)
    with store.read() as unit:
        found = unit.leases.on_status_list("0123456789abcdef", NOW)
        assert sorted(lease.id for lease in found) == ["l1", "l5"]
        assert LEASE in found
        assert unit.leases.on_status_list("0123456789abcdef", LEASE.expires_at) == []
        assert unit.leases.on_status_list("0000000000000000", NOW) == []
