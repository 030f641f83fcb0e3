"""Connections, promotions, endings and upstream clients, on every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leasehold.model.connections import (
    Connection,
    EndingConnection,
    Envelope,
    Personal,
    Promotion,
    SealedConnection,
    Shared,
    UpstreamClient,
)
from leasehold.model.leases import Ancestor, Node
from leasehold.model.upstream import Method

NOW = datetime(2026, 11, 26, 12, 0, 0, 250_000, tzinfo=UTC)
ALICE, BOB = Personal("user:people/alice"), Personal("user:people/bob")
CONNECTION = Connection(
    id="a1",
    holder=ALICE,
    tool_server="github",
    address="https://github-mcp.example/mcp",
    method=Method.OAUTH,
    created_at=NOW,
    created_by=ALICE.user,
    ancestors=(Ancestor(Node("registry"), 1), Ancestor(Node(ALICE.user), 2)),
    issuer="https://as.example",
    scopes=frozenset({"repo", "read"}),
    expires_at=NOW + timedelta(hours=1),
    updated_at=NOW,
)
SEALED = SealedConnection(
    connection=CONNECTION, envelope=Envelope(key_id="file:0001", wrapped_key="d3JhcA==", sealed="c2VhbA==")
)
PROMOTION = Promotion(
    agent="triage",
    tool_server="github",
    connection="s1",
    holder=Shared(),
    agent_since=NOW,
    promoted_at=NOW,
    promoted_by="oidc:sec",
    justification="nightly triage",
)
ENDING = EndingConnection(
    connection=CONNECTION, envelope=SEALED.envelope, reason="removed", ended_at=NOW, next_attempt_at=NOW
)
CLIENT = UpstreamClient(
    issuer="https://as.example",
    redirect_uri="https://leasehold.example/connect/github/callback",
    client_id="c1",
    registered_at=NOW,
)


def held_by(holder, connection_id, **changes):
    return replace(SEALED, connection=replace(CONNECTION, id=connection_id, holder=holder, **changes))


@pytest.mark.parametrize(
    "sealed",
    [
        SEALED,
        held_by(Shared(), "s1", issuer=None, expires_at=None, scopes=frozenset(), method=Method.BASIC),
        held_by(Shared("writer"), "s2", broken=True, revision=9, ancestors=()),
    ],
)
def test_a_connection_comes_back_as_it_went_in(store, sealed):
    with store.begin() as unit:
        unit.connections.put(sealed)
    with store.read() as unit:
        assert unit.connections.find(sealed.connection.holder, "github") == sealed
        assert unit.connections.named(sealed.connection.id) == sealed.connection
        assert unit.connections.list(limit=9) == [sealed.connection]


def test_a_secret_is_found_by_its_holder_and_its_server_alone(store):
    with store.begin() as unit:
        unit.connections.put(SEALED)
    with store.read() as unit:
        assert unit.connections.find(BOB, "github") is None
        assert unit.connections.find(Shared(), "github") is None
        assert unit.connections.find(ALICE, "jira") is None
        assert unit.connections.named("a2") is None


def test_a_holder_has_one_connection_per_server(store):
    newer = held_by(ALICE, "a2")
    with store.begin() as unit:
        unit.connections.put(SEALED)
        unit.connections.put(newer)
    with store.read() as unit:
        assert unit.connections.find(ALICE, "github") == newer
        assert unit.connections.list(limit=9) == [newer.connection]


def test_what_the_organisation_has_is_told_apart_from_what_people_have(store):
    with store.begin() as unit:
        for holder, connection_id in ((Shared(), "s1"), (Shared("writer"), "s0"), (CONNECTION.holder, "c1")):
            unit.connections.put(held_by(holder, connection_id))
    with store.read() as unit:
        assert [one.id for one in unit.connections.shared()] == ["s0", "s1"]


def test_an_id_is_given_once(store):
    with store.begin() as unit:
        unit.connections.put(SEALED)
    with pytest.raises(Exception, match=r"(?i)unique|once"), store.begin() as unit:
        unit.connections.put(held_by(BOB, "a1"))


def test_connections_are_listed_by_holder_and_server(store):
    with store.begin() as unit:
        for one in (SEALED, held_by(BOB, "b1"), held_by(ALICE, "a0", tool_server="jira")):
            unit.connections.put(one)
    with store.read() as unit:
        assert [one.id for one in unit.connections.list(limit=9)] == ["a0", "a1", "b1"]
        assert [one.id for one in unit.connections.list(after="a0", limit=1)] == ["a1"]
        assert [one.id for one in unit.connections.list(limit=9, holder=ALICE)] == ["a0", "a1"]
        assert [one.id for one in unit.connections.list(limit=9, tool_server="github")] == ["a1", "b1"]


def test_a_connection_moves_on_from_the_revision_that_was_seen_and_from_no_other(store):
    moved = replace(SEALED, connection=replace(CONNECTION, revision=2, expires_at=None))
    with store.begin() as unit:
        unit.connections.put(SEALED)
        assert not unit.connections.replace(moved, 7)
        assert unit.connections.replace(moved, 1)
        assert not unit.connections.replace(moved, 1)
        assert not unit.connections.replace(held_by(ALICE, "other", revision=3), 2)
        assert not unit.connections.replace(held_by(BOB, "b1"), 1)
    with store.read() as unit:
        assert unit.connections.find(ALICE, "github") == moved


def test_one_at_a_time_refreshes(store):
    later, moved = NOW + timedelta(seconds=15), replace(SEALED, connection=replace(CONNECTION, revision=2))
    with store.begin() as unit:
        unit.connections.put(SEALED)
        assert unit.connections.claim(CONNECTION, NOW, later)
        assert not unit.connections.claim(CONNECTION, later - timedelta(microseconds=1), later)
        assert unit.connections.claim(CONNECTION, later, later + timedelta(seconds=15))
        assert unit.connections.replace(moved, 1)
        assert not unit.connections.claim(CONNECTION, later, later), "it has moved on"
        assert unit.connections.claim(moved.connection, NOW, later), "whoever moves it lets it go"
        assert not unit.connections.claim(held_by(BOB, "b1").connection, NOW, later)


def test_what_is_removed_is_gone_and_nothing_else(store):
    with store.begin() as unit:
        unit.connections.put(SEALED)
        unit.connections.put(held_by(BOB, "b1"))
        assert not unit.connections.remove(held_by(ALICE, "earlier").connection)
        assert unit.connections.remove(CONNECTION)
        assert not unit.connections.remove(CONNECTION)
    with store.read() as unit:
        assert [one.id for one in unit.connections.list(limit=9)] == ["b1"]


def test_a_promotion_is_of_one_agent_at_one_server(store):
    with store.begin() as unit:
        unit.promotions.put(replace(PROMOTION, connection="s0"))
        unit.promotions.put(PROMOTION)
        unit.promotions.put(replace(PROMOTION, agent="another"))
    with store.read() as unit:
        assert unit.promotions.find("triage", "github") == PROMOTION
        assert unit.promotions.find("triage", "jira") is None
        assert unit.promotions.find("nobody", "github") is None
        assert [one.agent for one in unit.promotions.of_connection("s1")] == ["another", "triage"]
        assert list(unit.promotions.of_connection("s0")) == []
        assert [one.agent for one in unit.promotions.every()] == ["another", "triage"]
    with store.begin() as unit:
        assert unit.promotions.remove("triage", "github")
        assert not unit.promotions.remove("triage", "github")


def test_an_ending_is_due_until_nothing_is_left(store):
    soon = replace(ENDING, connection=held_by(Shared(), "s1").connection, next_attempt_at=NOW - timedelta(seconds=1))
    with store.begin() as unit:
        unit.connection_endings.add(ENDING)
        unit.connection_endings.add(soon)
    later = NOW + timedelta(seconds=9)
    with store.begin() as unit:
        assert [one.connection.id for one in unit.connection_endings.due(NOW, 9)] == ["s1", "a1"]
        assert unit.connection_endings.due(NOW, 1) == [soon]
        assert unit.connection_endings.find("a1") == ENDING
        assert unit.connection_endings.find("a2") is None
        postponed = replace(ENDING, next_attempt_at=later, attempts=1, problem="no answer")
        assert not unit.connection_endings.replace(postponed, later), "somebody else was faster"
        assert unit.connection_endings.replace(postponed, NOW)
        assert unit.connection_endings.find("a1") == postponed
        assert unit.connection_endings.remove("a1")
        assert not unit.connection_endings.remove("a1")


@pytest.mark.parametrize("envelope", [None, SEALED.envelope])
def test_we_are_a_client_of_one_issuer_and_of_no_other(store, envelope):
    one = replace(CLIENT, envelope=envelope)
    with store.begin() as unit:
        unit.upstream_clients.put(replace(CLIENT, client_id="before"))
        unit.upstream_clients.put(one)
    with store.read() as unit:
        assert unit.upstream_clients.find(CLIENT.issuer, CLIENT.redirect_uri) == one
        assert unit.upstream_clients.find("https://as.example/", CLIENT.redirect_uri) is None
        assert unit.upstream_clients.find(CLIENT.issuer, CLIENT.redirect_uri + "/") is None
        assert unit.upstream_clients.list() == [one]
    with store.begin() as unit:
        assert not unit.upstream_clients.remove(replace(CLIENT, client_id="before"))
        assert unit.upstream_clients.remove(one)
        assert not unit.upstream_clients.remove(one)


def test_listeners_are_told_of_connections_that_change(store):
    told = []
    store.listen(told.append)
    for change in (
        lambda unit: unit.connections.put(SEALED),
        lambda unit: unit.promotions.put(PROMOTION),
        lambda unit: unit.connections.remove(CONNECTION),
        lambda unit: unit.promotions.remove("triage", "github"),
    ):
        before = len(told)
        with store.begin() as unit:
            change(unit)
        assert len(told) > before
