"""Whose connection a call goes out with: the person's own, else the promoted one, else none."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fakes.broker_world import ALICE, BOB, OAUTH
from tests.fakes.exchange_world import ISSUER

from leasehold.model.connections import ConnectionKind, NotConnected, NotConnectedReason
from leasehold.model.kinds import Kind
from leasehold.model.leases import user_node
from leasehold.model.people import AgentState, OwnerState
from leasehold.model.upstream import ApiKeyUpstream, OAuthUpstream, UpstreamAuth


def refused(reason, url=None):
    return NotConnected(reason=reason, connect_url=url)


HERE = f"{ISSUER}/connect/github"
CONNECT = refused(NotConnectedReason.NOT_CONNECTED, HERE)
RECONNECT = refused(NotConnectedReason.RECONNECT, HERE)


def test_a_person_without_a_connection_is_told_where_to_get_one(world):
    assert world.authorize() == CONNECT


def test_a_person_goes_out_with_their_own(world):
    world.connect()
    answer = world.authorize()
    assert (answer.kind, world.upstream.issued[world.bearer()]) == (ConnectionKind.PERSONAL, "00u1alice")


def test_nobody_goes_out_with_the_connection_of_another_person(world):
    world.connect("00u1alice")
    assert world.authorize(BOB) == CONNECT
    world.connect("00u2bob")
    assert world.upstream.issued[world.bearer(BOB)] == "00u2bob"
    assert world.upstream.issued[world.bearer(ALICE)] == "00u1alice"


def test_a_shared_connection_is_used_once_it_is_promoted_for_this_agent_and_by_no_other(world):
    world.agent("other")
    shared = world.share()
    assert world.authorize(None) == refused(NotConnectedReason.NOT_PROMOTED)
    assert world.promote(shared).status == 200
    assert world.authorize(None).kind is ConnectionKind.SHARED
    assert world.upstream.issued[world.bearer(None)] == "robot"
    assert world.authorize(None, "other") == refused(NotConnectedReason.NOT_PROMOTED)
    assert world.authorize(BOB, "other") == CONNECT


def test_a_persons_own_comes_before_what_is_shared(world):
    world.promote(world.share())
    assert world.authorize().kind is ConnectionKind.SHARED
    world.connect()
    assert world.authorize().kind is ConnectionKind.PERSONAL
    assert world.authorize(None).kind is ConnectionKind.SHARED


def test_an_agent_that_acts_alone_never_goes_out_as_a_person(world):
    world.connect()
    assert world.authorize(None) == refused(NotConnectedReason.NOT_PROMOTED)


def test_a_broken_personal_connection_is_no_reason_to_go_out_as_somebody_else(world):
    world.promote(world.share())
    world.connect()
    world.upstream.refreshes.clear()
    world.later(hours=2)
    assert world.authorize() == RECONNECT
    assert world.authorize() == RECONNECT
    world.connect()
    assert world.authorize().kind is ConnectionKind.PERSONAL


def test_a_server_that_wants_nothing_is_given_nothing(world):
    world.connect()
    answer = world.authorize(server="jira")
    assert (answer.headers, answer.connection, answer.kind) == ((), None, ConnectionKind.NONE)


def test_what_is_declared_decides_whose_connections_count(world):
    world.promote(world.share())
    world.connect()
    world.declare("github", UpstreamAuth(oauth=OAuthUpstream(), personal=False))
    assert world.authorize().kind is ConnectionKind.SHARED
    world.declare("github", UpstreamAuth(oauth=OAuthUpstream(), shared=False))
    assert world.authorize().kind is ConnectionKind.PERSONAL
    assert world.authorize(None) == refused(NotConnectedReason.NOT_PROMOTED)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/mcp",
        "http://github-mcp.example/mcp",
        "https://github-mcp.example:444/mcp",
        "https://github-mcp.example@evil.example/mcp",
        "//github-mcp.example/mcp",
    ],
)
def test_a_secret_goes_to_the_address_it_was_made_for_and_nowhere_else(world, url):
    world.connect()
    assert world.authorize(url=url) == refused(NotConnectedReason.OTHER_ADDRESS)


def test_a_tool_server_that_moves_takes_no_secret_along(world):
    world.connect()
    world.promote(world.share())
    world.declare("github", OAUTH, url="https://evil.example/mcp")
    assert world.authorize() == RECONNECT
    assert world.authorize(None) == refused(NotConnectedReason.RECONNECT)


def test_a_method_or_an_issuer_that_changed_asks_to_connect_anew(world):
    world.connect()
    world.declare("github", UpstreamAuth(oauth=OAuthUpstream(issuer="https://other.example")))
    assert world.authorize() == RECONNECT
    world.declare("github", UpstreamAuth(api_key=ApiKeyUpstream()))
    assert world.authorize() == RECONNECT
    world.declare("github", UpstreamAuth(oauth=OAuthUpstream(issuer="https://as.example")))
    assert world.authorize().kind is ConnectionKind.PERSONAL


def test_an_agent_that_ended_goes_out_with_nothing(world):
    world.connect()
    world.promote(world.share())
    ended = refused(NotConnectedReason.AGENT_ENDED)
    world.world.change(Kind.AGENTS, "triage", state=AgentState.SUSPENDED)
    assert [world.authorize(), world.authorize(None)] == [ended, ended]
    world.world.change(Kind.AGENTS, "triage", state=AgentState.ACTIVE)
    assert world.authorize().kind is ConnectionKind.PERSONAL
    world.world.change(Kind.OWNERS, "alice", state=OwnerState.DISABLED)
    assert [world.authorize(), world.authorize(None)] == [ended, ended]
    assert world.authorize(agent="nobody") == ended


def test_a_tool_server_that_is_none_gets_nothing(world):
    world.connect()
    assert world.authorize(server="gone") == refused(NotConnectedReason.UNKNOWN_SERVER)


def test_a_person_who_was_revoked_has_no_connection_any_more_at_once(world):
    world.connect()
    assert world.authorize().kind is ConnectionKind.PERSONAL
    world.world.bump(user_node(ALICE))
    assert world.authorize() == RECONNECT
    world.connect()
    assert world.authorize().kind is ConnectionKind.PERSONAL


def test_an_agent_of_the_same_name_later_inherits_no_promotion(world):
    shared = world.share()
    world.promote(shared)
    with world.store.read() as unit:
        promotion = unit.promotions.find("triage", "github")
    with world.store.begin() as unit:
        unit.promotions.put(replace(promotion, agent_since=promotion.agent_since - timedelta(seconds=1)))
    assert world.authorize(None) == refused(NotConnectedReason.NOT_PROMOTED)


@pytest.mark.parametrize("user", ["agent:triage", "shared:default", "00u1alice", "user:people/\n", ""])
def test_who_is_no_person_has_no_personal_connection(world, user):
    world.promote(world.share())
    assert isinstance(world.authorize(user), NotConnected)


def test_what_was_read_is_kept_for_a_second_and_no_commit_longer(world):
    world.connect()
    first, reads = world.bearer(), []
    read = world.store.read
    world.store.read = lambda: reads.append(1) or read()
    call = world.call()
    reads.clear()
    for _ in range(5):
        assert dict(asyncio.run(world.broker.authorize(call)).headers)["Authorization"] == f"Bearer {first}"
    assert reads == []
    world.store.read = read
    world.connect()
    assert world.bearer() != first


class CountedReads:
    """A store that counts how often it is read, and reads when it is let."""

    def __init__(self, store):
        self._store, self.reads, self.let = store, 0, threading.Event()

    def read(self):
        self.reads += 1
        assert self.let.wait(10)
        return self._store.read()


def test_of_many_calls_at_once_one_reads_and_whoever_comes_later_waits_for_none(world, monkeypatch):
    world.connect()
    counted = CountedReads(world.broker._store)
    monkeypatch.setattr(world.broker, "_store", counted)
    world.broker.forget()
    call = world.call()

    async def calls():
        first = asyncio.gather(*(world.broker.authorize(call) for _ in range(16)))
        await asyncio.sleep(0)
        counted.let.set()
        answers = await first
        assert counted.reads == 1
        counted.let.clear()
        later = replace(call, now=call.now + timedelta(seconds=0.6))
        answers += [await world.broker.authorize(later) for _ in range(3)]  # though nothing can be read now
        (renewing,) = world.broker._reading.values()
        counted.let.set()
        await renewing
        assert counted.reads == 2
        answers.append(await world.broker.authorize(replace(call, now=call.now + timedelta(seconds=1))))
        return answers

    answers = asyncio.run(calls())
    assert {one.kind for one in answers} == {ConnectionKind.PERSONAL}
    assert counted.reads == 2


def test_what_is_read_while_something_is_committed_counts_for_nobody_who_comes_after(world, monkeypatch):
    world.connect()
    counted = CountedReads(world.broker._store)
    monkeypatch.setattr(world.broker, "_store", counted)
    world.broker.forget()

    async def calls():
        before = asyncio.create_task(world.broker.authorize(world.call()))
        await asyncio.sleep(0.01)
        world.broker.forget()
        after = asyncio.create_task(world.broker.authorize(world.call()))
        await asyncio.sleep(0.01)
        counted.let.set()
        await asyncio.gather(before, after)

    asyncio.run(calls())
    assert counted.reads == 2
