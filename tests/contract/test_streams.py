"""Event streams: the same on memory, SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leasehold.model.external import Sealed
from leasehold.model.leases import Ancestor, Node
from leasehold.model.signals import SESSION_REVOKED, Delivery, Stream, StreamStatus

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
STREAM = Stream(
    id="a" * 32,
    receiver="oidc:siem",
    standing=(Ancestor(Node("binding:siem"), 3),),
    endpoint="https://siem.example/events",
    sealed=Sealed("c2VjcmV0"),
    events=frozenset({SESSION_REVOKED, "https://schemas.openid.net/secevent/caep/event-type/other"}),
    description="SIEM",
    status=StreamStatus.ENABLED,
    reason="",
    excluded=frozenset({Node("agent:b"), Node("agent:a")}),
    created_at=NOW,
    delivery=Delivery(position=41, next_attempt_at=NOW, verification="", verified_at=NOW),
)
OLDER = replace(STREAM, id="b" * 32, sealed=None, created_at=NOW - timedelta(seconds=1))


def test_a_stream_comes_back_as_it_went_in_the_oldest_first(store):
    with store.begin() as unit:
        unit.streams.add(STREAM)
        unit.streams.add(OLDER)
    with store.read() as unit:
        assert list(unit.streams.list()) == [OLDER, STREAM]
    with store.begin() as unit:
        assert unit.streams.lock(STREAM.id) == STREAM
        assert unit.streams.lock("c" * 32) is None


def test_an_id_is_given_once(store):
    with store.begin() as unit:
        unit.streams.add(STREAM)
    with pytest.raises(Exception, match=r"(?i)unique"), store.begin() as unit:
        unit.streams.add(STREAM)


def test_a_stream_changes_and_goes(store):
    moved = Delivery(position=42, next_attempt_at=NOW, attempts=3, failing_since=NOW)
    with store.begin() as unit:
        unit.streams.add(STREAM)
        unit.streams.replace(replace(STREAM, status=StreamStatus.DISABLED, delivery=moved))
        unit.streams.replace(OLDER)  # of which nothing is known: no row comes of it
    with store.begin() as unit:
        assert [one.delivery for one in unit.streams.list()] == [moved]
        unit.streams.remove(STREAM.id)
        unit.streams.remove("c" * 32)
        assert list(unit.streams.list()) == []
