"""A broker on a store in memory, random deeds on it, and what must be true after each of them.

Every secret names its holder, its tool server and a number. The model is a dict by holder and tool server: it has no
way to answer with anybody else's. After each deed a random call is asked for, and has to go out as the model says.
"""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from leasehold.broker.brokering import Broker
from leasehold.broker.clients import Clients
from leasehold.broker.drawing import Drawing
from leasehold.broker.ending import Endings
from leasehold.broker.keeping import Keeping
from leasehold.broker.refreshing import Refreshing
from leasehold.external.sigv4 import sign
from leasehold.keys.client_certificates import check_certificate
from leasehold.keys.envelopes import Envelopes
from leasehold.keys.wrapping_keys import FileWrapping
from leasehold.model.connection_secrets import ApiKeySecret
from leasehold.model.connections import (
    Authorized,
    ConnectionKind,
    NotConnected,
    Personal,
    Shared,
    UpstreamCall,
)
from leasehold.model.events import Change
from leasehold.model.kinds import Kind
from leasehold.model.leases import user_node
from leasehold.model.objects import Stored, references
from leasehold.model.people import Agent, AgentState, Owner
from leasehold.model.principal import Principal, Role
from leasehold.model.tools import Action, Tool, ToolServer
from leasehold.model.upstream import ApiKeyUpstream, UpstreamAuth
from leasehold.policy.connecting import decide_own, decide_shared, decide_sharing
from leasehold.store.memory.store import MemoryStore
from leasehold.store.sql_store import SqlStore

USERS = tuple(f"user:people/u{number}" for number in range(4))
AGENTS = ("triage", "support", "review")
SERVERS = ("github", "jira", "mail")
SHARED = ("default", "writer")
ADMIN = Principal(id="oidc:sec", role=Role.SECURITY_ADMIN)
START = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
_AUTH = {
    "github": UpstreamAuth(api_key=ApiKeyUpstream(prefix="")),
    "jira": UpstreamAuth(api_key=ApiKeyUpstream(prefix=""), shared=False),
    "mail": UpstreamAuth(api_key=ApiKeyUpstream(prefix=""), personal=False),
}


class Mixed(AssertionError):
    """A call went out with what is not its own."""


class Life:
    """One world, and its model."""

    def __init__(self, chance: random.Random, folder: Path, store: MemoryStore | SqlStore | None = None) -> None:
        self.chance = chance
        self.store = store or MemoryStore()
        self.wrapping = FileWrapping(folder)
        self.vault = Envelopes(self.wrapping)
        no = _Nobody()
        clients = Clients(issuer="https://l.example", store=self.store, vault=self.vault, servers=no, secrets=no)
        refreshing = Refreshing(store=self.store, vault=self.vault, servers=no, clients=clients)
        self.broker = Broker(
            issuer="https://l.example",
            store=self.store,
            vault=self.vault,
            refreshing=refreshing,
            drawing=Drawing(draws=no, sign=sign),
            sign=sign,
        )
        self.store.listen(self.broker.forget)
        self.keeping = Keeping(
            store=self.store, vault=self.vault, check=check_certificate, rotation=self.wrapping, clients=clients
        )
        self.now = START
        self.endings = Endings(store=self.store, vault=self.vault, servers=no, clients=clients, clock=lambda: self.now)
        self.held: dict[tuple[object, str], tuple[str, str]] = {}
        self.promoted: dict[tuple[str, str], tuple[str, str]] = {}
        self.suspended: set[str] = set()
        self.fallen: set[tuple[object, str]] = set()
        self.steps = self.sent = self.refused = 0
        self.loop = asyncio.new_event_loop()
        self._furnish()

    def close(self) -> None:
        self.loop.close()

    def step(self) -> None:
        """One deed, and one call. Raises `Mixed`."""
        self.act()
        self.check()

    def act(self) -> None:
        """One deed."""
        deeds = (
            *([self.connect] * 4),
            *([self.share] * 2),
            *([self.promote] * 3),
            self.demote,
            self.remove,
            self.revoke_user,
            self.copy_row,
            self.swap_envelopes,
            self.rotate,
            self.suspend,
            self.resume,
            self.look,
            *([self.wait] * 6),
        )
        self.steps += 1
        self.chance.choice(deeds)()

    # Deeds.

    def connect(self) -> None:
        user, server = self.chance.choice(USERS), self.chance.choice(SERVERS[:2])
        self._bring(Personal(user), decide_own(user), server)

    def share(self) -> None:
        holder, server = Shared(self.chance.choice(SHARED)), self.chance.choice(("github", "mail"))
        before = self.held.get((holder, server))
        self._bring(holder, decide_shared(ADMIN, holder), server)
        if before is not None:  # a promotion is of one connection, not of a name
            self.promoted = {place: one for place, one in self.promoted.items() if one[0] != before[0]}

    def promote(self) -> None:
        shared = [(h, s, one) for (h, s), one in self.held.items() if isinstance(h, Shared)]
        if shared:
            _, server, (connection, secret) = self.chance.choice(shared)
            agent = self.chance.choice(AGENTS)
            self.keeping.promote(decide_sharing(ADMIN), connection, agent, "because", self.now)
            self.promoted[agent, server] = (connection, secret)

    def demote(self) -> None:
        if self.promoted:
            (agent, server), (connection, _) = self.chance.choice(list(self.promoted.items()))
            self.keeping.demote(decide_sharing(ADMIN), connection, agent, self.now)
            del self.promoted[agent, server]

    def remove(self) -> None:
        if self.held:
            (holder, server), (connection, _) = self.chance.choice(list(self.held.items()))
            permit = decide_own(holder.user) if isinstance(holder, Personal) else decide_shared(ADMIN, holder)
            self.keeping.remove(permit, connection, self.now)
            self._gone(holder, server)

    def revoke_user(self) -> None:
        user = self.chance.choice(USERS)
        with self.store.begin() as unit:
            unit.nodes.bump(user_node(user))
        self.fallen |= {place for place in self.held if place[0] == Personal(user)}

    def copy_row(self) -> None:
        """Somebody who can write to the database copies a row of one holder to another, and takes it back."""
        rows = self._rows()
        if len(rows) < 2:
            return
        mine, theirs = self.chance.sample(rows, 2)
        forged = replace(mine, connection=replace(mine.connection, holder=theirs.connection.holder))
        if (forged.connection.holder, forged.connection.tool_server) in self.held:
            return
        forged = replace(forged, connection=replace(forged.connection, id=f"forged-{self.steps}"))
        self._put(forged)
        call = self._call(user=_user_of(forged.connection.holder), server=forged.connection.tool_server)
        answer = self._ask(call)
        if isinstance(answer, Authorized) and answer.kind is ConnectionKind.PERSONAL:
            raise Mixed(f"a copied row opened for {call.user}")
        with self.store.begin() as unit:
            unit.connections.remove(forged.connection)

    def swap_envelopes(self) -> None:
        """The secrets of two rows change places: neither may go out. Then they are put back."""
        rows = self._rows()
        if len(rows) < 2:
            return
        one, two = self.chance.sample(rows, 2)
        self._swap(one, two.envelope)
        call = self._call(user=_user_of(one.connection.holder), server=one.connection.tool_server)
        answer = self._ask(call)
        if isinstance(answer, Authorized) and answer.connection == one.connection.id:
            raise Mixed(f"{one.connection.holder} opened the secret of {two.connection.holder}")
        self._swap(one, one.envelope)

    def rotate(self) -> None:
        if len(list(self.wrapping._folder.iterdir())) < 6:
            self.keeping.rotate(decide_sharing(ADMIN), self.now)

    def suspend(self) -> None:
        self._agent(self.chance.choice(AGENTS), AgentState.SUSPENDED)

    def resume(self) -> None:
        self._agent(self.chance.choice(AGENTS), AgentState.ACTIVE)

    def look(self) -> None:
        self.endings.end_fallen()
        for holder, server in self.fallen:
            self._gone(holder, server, keep_fallen=True)
        self.fallen.clear()

    def wait(self) -> None:
        self.now += timedelta(seconds=self.chance.choice((0, 0.4, 5)))

    # What must be true.

    def check(self) -> None:
        call = self._call(
            user=self.chance.choice((None, *USERS)),
            agent=self.chance.choice(AGENTS),
            server=self.chance.choice(SERVERS),
        )
        answer, expected = self._ask(call), self._expected(call)
        if expected is None:
            if not isinstance(answer, NotConnected):
                raise Mixed(f"{call.agent} for {call.user} at {call.tool_server} should have nothing")
            self.refused += 1
            return
        kind, connection, secret = expected
        sent = dict(answer.headers).get("Authorization") if isinstance(answer, Authorized) else None
        if not isinstance(answer, Authorized) or (answer.kind, answer.connection, sent) != (kind, connection, secret):
            raise Mixed(f"{call.agent} for {call.user} at {call.tool_server}: {answer}, not {connection}")
        self.sent += 1

    def _expected(self, call: UpstreamCall) -> tuple[ConnectionKind, str, str] | None:
        auth = _AUTH[call.tool_server]
        if call.agent in self.suspended:
            return None
        if call.user is not None and auth.personal:
            place = (Personal(call.user), call.tool_server)
            if place in self.held:
                return None if place in self.fallen else (ConnectionKind.PERSONAL, *self.held[place])
        promoted = self.promoted.get((call.agent, call.tool_server)) if auth.shared else None
        return (ConnectionKind.SHARED, *promoted) if promoted is not None else None

    # Ways to it.

    def _bring(self, holder: object, permit: object, server: str) -> None:
        secret = f"{holder.key.replace(' ', '')}|{server}|{self.steps}"
        added = self.keeping.add(permit, server, ApiKeySecret(key=secret), self.now)
        self.held[holder, server] = (added.id, secret)
        self.fallen.discard((holder, server))

    def _gone(self, holder: object, server: str, *, keep_fallen: bool = False) -> None:
        connection, _ = self.held.pop((holder, server))
        self.promoted = {place: one for place, one in self.promoted.items() if one[0] != connection}
        if not keep_fallen:
            self.fallen.discard((holder, server))

    def _rows(self) -> list:
        with self.store.read() as unit:
            found = [unit.connections.find(holder, server) for holder, server in self.held]
        return [one for one in found if one is not None]

    def _put(self, sealed: object) -> None:
        with self.store.begin() as unit:
            unit.connections.put(sealed)

    def _swap(self, one: object, envelope: object) -> None:
        with self.store.begin() as unit:
            unit.connections.replace(replace(one, envelope=envelope), one.connection.revision)

    def _call(self, user: str | None, server: str, agent: str = "triage") -> UpstreamCall:
        return UpstreamCall(
            agent=agent,
            user=user,
            tool_server=server,
            method="POST",
            url=f"https://{server}.example/mcp",
            headers={},
            body=b"",
            now=self.now,
        )

    def _ask(self, call: UpstreamCall) -> Authorized | NotConnected:
        return self.loop.run_until_complete(self.broker.authorize(call))

    def _agent(self, name: str, state: AgentState) -> None:
        self._object(Kind.AGENTS, name, Agent(owner="alice", review_by=date(2027, 6, 1), state=state))
        self.suspended = (self.suspended | {name}) if state is AgentState.SUSPENDED else (self.suspended - {name})

    def _object(self, kind: Kind, name: str, spec: object) -> None:
        stored = Stored(
            kind=kind,
            name=name,
            revision=1,
            spec=spec,
            stack=None,
            created_at=START,
            updated_at=START,
            updated_by="oidc:sec",
        )
        with self.store.begin() as unit:
            unit.objects.put(stored, references(name, spec))
            at = unit.changes.latest() + 1
            unit.changes.append(
                Change(sequence=at, kind=kind, name=name, operation="put", revision=1, by="oidc:sec", at=START)
            )

    def _furnish(self) -> None:
        self._object(Kind.OWNERS, "alice", Owner(display_name="Alice", email="a@example.com", team="shop"))
        for name in AGENTS:
            self._agent(name, AgentState.ACTIVE)
        for name, auth in (*_AUTH.items(), ("open", None)):
            tools = {"read": Tool(action=Action.READ)}
            spec = ToolServer(url=f"https://{name}.example/mcp", tools=tools, upstream_auth=auth)
            self._object(Kind.TOOL_SERVERS, name, spec)


class _Nobody:
    """No authorization server is asked for anything here."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"nobody asks for `{name}`")

    def __call__(self, name: str) -> str:
        raise AssertionError(f"nobody asks for `{name}`")


def _user_of(holder: object) -> str | None:
    return holder.user if isinstance(holder, Personal) else None
