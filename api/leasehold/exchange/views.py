"""What the registry holds, as far as exchanges ask: read once, kept until the registry changes.

Each piece is read in one transaction with the generations of its nodes. A piece may therefore be out of date, yet never
unsafe: whatever narrows or ends access bumps a node, and the ledger compares generations when it writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from leasehold.authn.subjects import Subject, anchor_of, anchor_of_subject
from leasehold.exchange.ports import Clusters, Objects, Policies, Store, UnitOfWork
from leasehold.model.consents import Consent
from leasehold.model.deployments import Deployment
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.heartbeats import Heartbeat
from leasehold.model.kinds import Kind
from leasehold.model.leases import (
    MANY_POLICIES,
    POLICIES,
    REGISTRY,
    Node,
    agent_node,
    binding_node,
    client_node,
    consent_node,
    deployment_node,
    owner_node,
    policies_node,
    policy_node,
    task_node,
)
from leasehold.model.objects import Spec
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import Policy, PolicyMode
from leasehold.model.registrations import RegisteredClient
from leasehold.model.tasks import Task
from leasehold.model.tools import Scope, ToolServer
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.model.workloads import STANDING_GENERATION, Standing, Workload
from leasehold.policy.credentials import credential_scopes
from leasehold.policy.shares import AgentFacts, Rulings, agent_facts

Issuers = Mapping[str, Sequence[tuple[str, TrustIssuer]]]
Piece = TypeVar("Piece")
SpecType = TypeVar("SpecType", bound=Spec)
_AGENTS_KEPT = 50_000
_HOLDS_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class BindingsView:
    """The bindings of one trust issuer, by name. `anchored`: the same, by their anchors."""

    bindings: Mapping[str, WorkloadBinding]
    anchored: Mapping[Hashable, Mapping[str, WorkloadBinding]]
    generations: Mapping[Node, int]

    def near(self, subject: Subject) -> Mapping[str, WorkloadBinding]:
        """The few that may name this subject, however many there are."""
        return self.anchored.get(anchor_of_subject(subject), {})

    def generations_of(self, name: str) -> Mapping[Node, int]:
        """The generations above what is issued through one binding."""
        return {node: self.generations[node] for node in (REGISTRY, binding_node(name)) if node in self.generations}


@dataclass(frozen=True, slots=True)
class AgentView:
    """One agent."""

    facts: AgentFacts
    generations: Mapping[Node, int]


@dataclass(frozen=True, slots=True)
class ClientView:
    """Whose client an id is: of an agent that declared its address, or one that registered itself; else nobody's."""

    agent: str | None
    registered: RegisteredClient | None
    generations: Mapping[Node, int]


@dataclass(frozen=True, slots=True)
class RulingsView:
    """What enforced policies say, None where there are none, and the generations of their nodes from before that."""

    rulings: Rulings | None
    generations: Mapping[Node, int]


@dataclass(slots=True, eq=False)
class Pieces:
    """Everything read since the registry was last seen to change, at `sequence`. Pieces are as new, or newer."""

    sequence: int
    issuers: Issuers | None = None
    rulings: RulingsView | None = None
    bindings: dict[str, BindingsView] = field(default_factory=dict)
    agents: dict[str, AgentView | None] = field(default_factory=dict)
    holds: dict[Node, int] = field(default_factory=dict)
    flights: dict[Hashable, asyncio.Task[Any]] = field(default_factory=dict)  # Any: each piece is of its own type


class NoClusters:
    """Stands where nobody follows any cluster: nothing is known to stand."""

    def standing(self, _workload: Workload, /) -> Standing:
        """Not heard of."""
        return Standing.UNHEARD


class NoPolicies:
    """Stands where nobody publishes policies: nothing is said."""

    def as_of(self, _sequence: int, /) -> None:
        """Nothing."""


class Views:
    """Reads pieces of the registry, off the event loop, each once for all who wait for it."""

    def __init__(
        self,
        store: Store,
        credentials: str = "",
        clusters: Clusters | None = None,
        policies: Policies | None = None,
    ) -> None:
        """`credentials` is the audience of tokens that draw credentials of other systems."""
        self._store = store
        self._clusters = clusters or NoClusters()
        self._policies = policies or NoPolicies()
        self._credentials = credentials
        self._pieces = Pieces(-1)

    @property
    def pieces(self) -> Pieces:
        """What is kept now. Ask all questions of one exchange of one of these."""
        return self._pieces

    async def refresh(self, seen: Pieces) -> bool:
        """Forget `seen` if the registry has changed since; whether it had. Raises `Unavailable`."""
        # Not shared with others who wait: theirs may have begun before this caller's own last write.
        latest = await asyncio.to_thread(self._in_transaction, _read_latest)
        if seen is self._pieces and latest == seen.sequence:
            return False
        self._replace(seen, latest)
        return True

    async def forget(self, seen: Pieces) -> None:
        """Forget `seen`, unless somebody else did already. Raises `Unavailable`."""
        if seen is self._pieces:
            self._replace(seen, await self._read(seen, "latest", _read_latest))

    async def issuers(self, pieces: Pieces) -> Issuers:
        """Trust issuers by their exact `iss`."""
        if pieces.issuers is None:
            pieces.issuers = await self._read(pieces, "issuers", _read_issuers)
        return pieces.issuers

    async def bindings(self, pieces: Pieces, trust_issuer: str) -> BindingsView:
        """The bindings of a trust issuer."""
        if (known := pieces.bindings.get(trust_issuer)) is not None:
            return known
        read = await self._read(pieces, ("bindings", trust_issuer), lambda unit: _read_bindings(unit, trust_issuer))
        pieces.bindings[trust_issuer] = read
        return read

    async def agent(self, pieces: Pieces, name: str) -> AgentView | None:
        """An agent with all that bounds it, None if there is none."""
        known = pieces.agents[name] if name in pieces.agents else await self._agent(pieces, name)
        return known if known is None else await self._as_of_now(known)

    async def generations(self, pieces: Pieces, nodes: Sequence[Node]) -> Mapping[Node, int]:
        """The generations of those nodes of workloads that are there."""
        if unknown := [node for node in nodes if node not in pieces.holds]:
            read = await asyncio.to_thread(self._in_transaction, lambda unit: unit.nodes.generations(unknown))
            if len(pieces.holds) >= _HOLDS_KEPT:
                pieces.holds.clear()
            pieces.holds.update(read)
        return {node: pieces.holds[node] for node in nodes if node in pieces.holds}

    async def _as_of_now(self, view: AgentView) -> AgentView:
        """The same, with which deployments their workloads and heartbeats have left behind: neither is kept."""
        deployments = view.facts.deployments
        owing = [name for name, deployment in deployments.items() if deployment.heartbeat_ttl is not None]
        gone = frozenset(name for name, one in deployments.items() if not self._stands(one.runs_as, view.generations))
        if not owing and not gone:
            return view
        beats = await asyncio.to_thread(self._in_transaction, lambda unit: _read_beats(unit, owing)) if owing else {}
        return replace(view, facts=replace(view.facts, gone=gone, heartbeats=beats))

    def _stands(self, workload: Workload | None, generations: Mapping[Node, int]) -> bool:
        if workload is None:
            return True
        unended = generations.get(workload.node, STANDING_GENERATION) == STANDING_GENERATION
        return unended and self._clusters.standing(workload) is Standing.STANDS

    async def _agent(self, pieces: Pieces, name: str) -> AgentView | None:
        said = await self._rulings(pieces)
        read = await self._read(pieces, ("agent", name), lambda unit: _read_agent(unit, name, self._credentials))
        if read is not None:
            read = AgentView(replace(read.facts, rulings=said.rulings), {**said.generations, **read.generations})
        if len(pieces.agents) >= _AGENTS_KEPT:
            pieces.agents.clear()
        pieces.agents[name] = read
        return read

    async def _rulings(self, pieces: Pieces) -> RulingsView:
        if pieces.rulings is None:
            pieces.rulings = await self._once(pieces, "rulings", self._read_rulings)
        return pieces.rulings

    def _read_rulings(self) -> RulingsView:
        """INVARIANT: generations first. A policy that is tightened meanwhile is then stale, not overlooked."""
        with self._store.read() as unit:
            sequence = unit.changes.latest()
            enforced = [s.name for s in unit.objects.list(Kind.POLICIES) if _is_enforced(s.spec)]
            servers = unit.objects.names(Kind.TOOL_SERVERS)
            nodes = [POLICIES, MANY_POLICIES, *map(policies_node, servers), *map(policy_node, enforced)]
            generations = unit.nodes.generations(nodes)
        return RulingsView(self._policies.as_of(sequence) if enforced else None, generations)

    async def task(self, task_id: str) -> tuple[Task | None, int]:
        """A task and the generation of its node, as they are now: tasks come and go, and none is kept."""
        return await asyncio.to_thread(self._in_transaction, lambda unit: _read_task(unit, task_id))

    async def consent(self, user: str, agent: str, resource: str) -> tuple[Consent | None, Mapping[Node, int]]:
        """What a person consented to, and the generation of its node, as they are now."""
        return await asyncio.to_thread(self._in_transaction, lambda unit: _read_consent(unit, user, agent, resource))

    async def client(self, client_id: str) -> ClientView:
        """Whose client this is, as it is now: registering changes nothing that pieces are kept by."""
        return await asyncio.to_thread(self._in_transaction, lambda unit: _read_client(unit, client_id))

    async def documents(self) -> bool:
        """Whether any client is taken by its document."""
        return await asyncio.to_thread(self._in_transaction, lambda unit: unit.registrations.names_any())

    def _replace(self, seen: Pieces, latest: int) -> None:
        if seen is self._pieces:
            self._pieces = Pieces(latest)

    async def _read(self, pieces: Pieces, key: Hashable, read: Callable[[UnitOfWork], Piece]) -> Piece:
        return await self._once(pieces, key, lambda: self._in_transaction(read))

    async def _once(self, pieces: Pieces, key: Hashable, read: Callable[[], Piece]) -> Piece:
        flight: asyncio.Task[Piece] | None = pieces.flights.get(key)
        if flight is None:
            flight = asyncio.create_task(asyncio.to_thread(read))
            pieces.flights[key] = flight
            flight.add_done_callback(lambda _: pieces.flights.pop(key))
        return await asyncio.shield(flight)  # a caller who hangs up does not end it for the others

    def _in_transaction(self, read: Callable[[UnitOfWork], Piece]) -> Piece:
        with self._store.read() as unit:
            return read(unit)


def _is_enforced(spec: Spec) -> bool:
    return isinstance(spec, Policy) and spec.mode is PolicyMode.ENFORCE


def _read_task(unit: UnitOfWork, task_id: str) -> tuple[Task | None, int]:
    node = task_node(task_id)
    return unit.tasks.find(task_id), unit.nodes.generations((node,)).get(node, 0)


def _read_consent(unit: UnitOfWork, user: str, agent: str, resource: str) -> tuple[Consent | None, Mapping[Node, int]]:
    node = consent_node(user, agent, resource)
    return unit.consents.find(user, agent, resource), unit.nodes.generations((node,))


def _read_client(unit: UnitOfWork, client_id: str) -> ClientView:
    registered = unit.registrations.find(client_id)
    agent = registered.agent if registered is not None else unit.registrations.agent_named(client_id)
    return ClientView(agent, registered, unit.nodes.generations((client_node(client_id),)))


def _read_beats(unit: UnitOfWork, deployments: Sequence[str]) -> Mapping[str, Heartbeat]:
    return unit.heartbeats.find_all(deployments)


def _read_latest(unit: UnitOfWork) -> int:
    return unit.changes.latest()


def _read_issuers(unit: UnitOfWork) -> Issuers:
    found: dict[str, list[tuple[str, TrustIssuer]]] = {}
    for stored in unit.objects.list(Kind.TRUST_ISSUERS):
        issuer = cast("TrustIssuer", stored.spec)
        found.setdefault(issuer.issuer, []).append((stored.name, issuer))
    return found


def _read_bindings(unit: UnitOfWork, trust_issuer: str) -> BindingsView:
    referrers = unit.objects.referrers(Kind.TRUST_ISSUERS, trust_issuer)
    bindings = _named(
        unit.objects, Kind.WORKLOAD_BINDINGS, WorkloadBinding, _of_kind(referrers, Kind.WORKLOAD_BINDINGS)
    )
    nodes = [REGISTRY, *(binding_node(name) for name in bindings)]
    anchored: dict[Hashable, dict[str, WorkloadBinding]] = {}
    for name, binding in bindings.items():
        anchored.setdefault(anchor_of(binding), {})[name] = binding
    return BindingsView(bindings, anchored, unit.nodes.generations(nodes))


def _read_agent(unit: UnitOfWork, name: str, credentials: str) -> AgentView | None:
    agent = _named(unit.objects, Kind.AGENTS, Agent, (name,)).get(name)
    if agent is None:
        return None
    owner = _named(unit.objects, Kind.OWNERS, Owner, (agent.owner,)).get(agent.owner)
    if owner is None:
        return None
    referrers = unit.objects.referrers(Kind.AGENTS, name)
    deployments = _named(unit.objects, Kind.DEPLOYMENTS, Deployment, _of_kind(referrers, Kind.DEPLOYMENTS))
    grants = _named(unit.objects, Kind.GRANTS, Grant, _of_kind(referrers, Kind.GRANTS))
    ceilings = {s.name: cast("Ceiling", s.spec) for s in unit.objects.list(Kind.CEILINGS)}
    scopes = _named(unit.objects, Kind.SCOPES, Scope, _scopes_of(grants.values(), ceilings.values()))
    servers = {s.tool_server for s in scopes.values()} | {g.tool_server for g in grants.values() if g.tool_server}
    facts = agent_facts(
        name,
        agent,
        owner,
        deployments=deployments,
        grants=[grants[grant] for grant in sorted(grants)],
        ceilings=ceilings,
        scopes=scopes,
        servers=_named(unit.objects, Kind.TOOL_SERVERS, ToolServer, servers),
    )
    drawn = credential_scopes(_of_kind(referrers, Kind.CREDENTIAL_PROFILES))
    facts = replace(facts, others={credentials: drawn} if drawn else {})
    above = [REGISTRY, owner_node(agent.owner), agent_node(name), client_node(name)]
    nodes = [*above, *(deployment_node(d) for d in deployments)]
    nodes += [one.runs_as.node for one in deployments.values() if one.runs_as is not None]
    return AgentView(facts, unit.nodes.generations(nodes))


def _scopes_of(grants: Iterable[Grant], ceilings: Iterable[Ceiling]) -> set[str]:
    return {g.scope for g in grants if g.scope is not None} | {s for c in ceilings for s in c.scopes}


def _of_kind(referrers: Iterable[tuple[Kind, str]], kind: Kind) -> list[str]:
    return [name for of, name in referrers if of is kind]


def _named(objects: Objects, kind: Kind, spec: type[SpecType], names: Iterable[str]) -> dict[str, SpecType]:
    return {name: stored.spec for name, stored in objects.named(kind, names).items() if isinstance(stored.spec, spec)}
