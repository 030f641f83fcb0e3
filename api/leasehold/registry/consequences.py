"""What a write ends: every token that carries more than is still allowed dies with the write that took it away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from leasehold.model.deployments import Deployment
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.leases import (
    MANY_POLICIES,
    POLICIES,
    Node,
    agent_node,
    binding_node,
    client_node,
    deployment_node,
    issuer_node,
    owner_node,
    policies_node,
    policy_node,
    profile_node,
)
from leasehold.model.objects import Spec
from leasehold.model.people import Agent, AgentState, Owner, OwnerState
from leasehold.model.policies import Policy, PolicyMode
from leasehold.model.tools import Scope, ToolServer
from leasehold.model.trust import TrustIssuer
from leasehold.policy.cedar.saying import newly_spoken_of
from leasehold.registry.heartbeats import owe
from leasehold.registry.ports import UnitOfWork
from leasehold.registry.worlds import Access, agents_under, load_world

_NODES = {
    Kind.OWNERS: owner_node,
    Kind.AGENTS: agent_node,
    Kind.DEPLOYMENTS: deployment_node,
    Kind.WORKLOAD_BINDINGS: binding_node,
    Kind.CREDENTIAL_PROFILES: profile_node,
    Kind.POLICIES: policy_node,
}


@contextmanager
def ending_what_is_lost(
    unit: UnitOfWork, kind: Kind, name: str, before: Spec | None, after: Spec | None, now: datetime
) -> Iterator[None]:
    """Around a write of one object: bumps the nodes under which tokens carry more than the write leaves."""
    suspects = _suspects(unit, kind, name, before, after)
    had = _access(unit, suspects, now)
    yield
    for agent in _losers(had, _access(unit, suspects, now)):
        unit.nodes.bump(agent_node(agent))
    for node in _own_nodes(unit, kind, name, before, after):
        unit.nodes.bump(node)
    if kind is Kind.AGENTS and not (isinstance(after, Agent) and after.client_secret_allowed):
        unit.client_secrets.delete(name)  # it must not open for a later agent of this name
    if kind is Kind.AGENTS:
        _keep_clients(unit, name, before, after)
    if kind is Kind.DEPLOYMENTS:
        owe(unit, name, after.heartbeat_ttl if isinstance(after, Deployment) else None, now)
    if after is not None and kind in _NODES:
        unit.nodes.ensure(_NODES[kind](name))


def node_of(kind: Kind, name: str) -> Node | None:
    """The node of an object, for the kinds that have one."""
    return _NODES[kind](name) if kind in _NODES else None


def _own_nodes(  # noqa: C901, PLR0912  one arm per noun, nothing else
    unit: UnitOfWork, kind: Kind, name: str, before: Spec | None, after: Spec | None
) -> Iterator[Node]:
    match kind:
        case Kind.DEPLOYMENTS:
            yield deployment_node(name)  # every write is a new epoch
        case Kind.OWNERS:
            if before is not None and not _active_owner(after):
                yield owner_node(name)
        case Kind.AGENTS:
            if before is not None and _stopped_or_cut(before, after):
                yield agent_node(name)
            if isinstance(before, Agent) and _other_client(before, after):
                yield client_node(name)
        case Kind.WORKLOAD_BINDINGS:
            if before is not None and before != after:  # a stack that adopts a binding changes nothing in it
                yield binding_node(name)
        case Kind.CREDENTIAL_PROFILES:
            if before is not None and before != after:  # what was handed out through it ends; the agents' tokens do not
                yield profile_node(name)
        case Kind.TRUST_ISSUERS:
            yield from _of_issuer(unit, name, before, after)
        case Kind.GRANTS:
            if isinstance(before, Grant) and _ends_sooner(before, after):
                yield agent_node(before.agent)
        case Kind.POLICIES:
            yield from _of_policy(unit, name, before, after)
        case Kind.TOOL_SERVERS | Kind.SCOPES | Kind.CEILINGS | Kind.GRANT_SETS:
            return
        case Kind.TOOL_PINS:
            return  # asked at every list and call, carried by no token
        case Kind.DRIFT_EXCEPTIONS:
            return  # changes what reports say, and nothing that anybody may do
        case Kind.USERS | Kind.RESOURCES | Kind.RELATIONS:
            return  # asked at every decision, carried by no token


def _keep_clients(unit: UnitOfWork, name: str, before: Spec | None, after: Spec | None) -> None:
    """An agent's further clients are those that it declares now; of an agent that is gone, or takes none, none stay."""
    was, is_now = (spec if isinstance(spec, Agent) else None for spec in (before, after))
    known, declared = (agent.client_ids if agent is not None else frozenset() for agent in (was, is_now))
    if known != declared:
        unit.registrations.name(name, declared)
    if was is None or not was.dynamic_clients or (is_now is not None and is_now.dynamic_clients):
        return
    unit.registrations.forget(name)
    for client in unit.registrations.of_agent(name):
        unit.registrations.remove(client.metadata.client_id)
        unit.nodes.bump(client_node(client.metadata.client_id))


def _suspects(unit: UnitOfWork, kind: Kind, name: str, before: Spec | None, after: Spec | None) -> frozenset[str]:
    """The agents whose access a write could cut."""
    match kind:
        case Kind.CEILINGS:
            return agents_under(unit, [c for c in (before, after) if isinstance(c, Ceiling)])
        case Kind.SCOPES if isinstance(before, Scope):
            return _agents_of_scope(unit, name)
        case Kind.TOOL_SERVERS if isinstance(before, ToolServer):
            return _agents_of_server(unit, name)
        case Kind.OWNERS if isinstance(before, Owner):
            return _referring(unit, kind, name, Kind.AGENTS)
        case Kind.AGENTS if isinstance(before, Agent):
            return frozenset({name})
        case _:
            return frozenset()


def _agents_of_scope(unit: UnitOfWork, scope: str) -> frozenset[str]:
    ceilings = unit.objects.named(Kind.CEILINGS, _referring(unit, Kind.SCOPES, scope, Kind.CEILINGS))
    bounded = agents_under(unit, [c.spec for c in ceilings.values() if isinstance(c.spec, Ceiling)])
    return bounded | _granted(unit, Kind.SCOPES, scope)


def _agents_of_server(unit: UnitOfWork, server: str) -> frozenset[str]:
    through = [_granted(unit, Kind.SCOPES, s) for s in _referring(unit, Kind.TOOL_SERVERS, server, Kind.SCOPES)]
    return _granted(unit, Kind.TOOL_SERVERS, server).union(*through)


def _granted(unit: UnitOfWork, kind: Kind, name: str) -> frozenset[str]:
    grants = unit.objects.named(Kind.GRANTS, _referring(unit, kind, name, Kind.GRANTS))
    return frozenset(g.spec.agent for g in grants.values() if isinstance(g.spec, Grant))


def _referring(unit: UnitOfWork, kind: Kind, name: str, by: Kind) -> frozenset[str]:
    return frozenset(n for k, n in unit.objects.referrers(kind, name) if k is by)


def _access(unit: UnitOfWork, agents: frozenset[str], now: datetime) -> Mapping[str, Access]:
    return load_world(unit, agents).access(now) if agents else {}


def _losers(had: Mapping[str, Access], has: Mapping[str, Access]) -> list[str]:
    return sorted(agent for agent, access in had.items() if agent in has and access.loses_to(has[agent]))


def _active_owner(owner: Spec | None) -> bool:
    return isinstance(owner, Owner) and owner.state is OwnerState.ACTIVE


def _stopped_or_cut(before: Spec, after: Spec | None) -> bool:
    if not isinstance(before, Agent) or not isinstance(after, Agent):
        return True
    return (
        after.state is not AgentState.ACTIVE
        or after.owner != before.owner
        or not before.may_delegate_to <= after.may_delegate_to  # whoever is named no more holds a part of its authority
        or after.max_delegation_depth < before.max_delegation_depth
    )


def _other_client(before: Agent, after: Spec | None) -> bool:
    """True if what proved the agent before need not prove it any more."""
    if not isinstance(after, Agent) or not before.client_ids <= after.client_ids:
        return True
    if before.public_clients and not (after.public_clients and before.redirect_uris <= after.redirect_uris):
        return True  # where clients that registered themselves may be sent back to is the agent's to say
    return any(
        getattr(before, proof) != getattr(after, proof)
        for proof in ("client_jwks", "client_jwks_uri", "client_secret_allowed", "dpop")
    )


def _of_issuer(unit: UnitOfWork, name: str, before: Spec | None, after: Spec | None) -> Iterator[Node]:
    """Whatever rests on the word of an issuer that is believed otherwise now: workloads' leases, and people's."""
    if before is None or not _distrusts(before, after):
        return
    yield from (
        binding_node(n) for k, n in unit.objects.referrers(Kind.TRUST_ISSUERS, name) if k is Kind.WORKLOAD_BINDINGS
    )
    if isinstance(before, TrustIssuer) and (before.login is not None or before.id_jag):
        yield issuer_node(name)


def _distrusts(before: Spec, after: Spec | None) -> bool:
    return not isinstance(before, TrustIssuer) or before != after


def _of_policy(unit: UnitOfWork, name: str, before: Spec | None, after: Spec | None) -> Iterator[Node]:
    """What ends with a write of a policy, unless nothing can be denied by it that was allowed.

    Whether a document is narrower, nobody can tell for sure. What it had a say on hangs on its own node. What it has a
    say on only now are the actions that it names: every lease hangs on the node of its tool server, and on `POLICIES`.
    """
    was = before if isinstance(before, Policy) and before.mode is PolicyMode.ENFORCE else None
    if not isinstance(after, Policy) or after.mode is not PolicyMode.ENFORCE:
        yield from nodes_of_policy(unit, name) if was is not None else ()  # where others permit, less is permitted now
    elif was is None or not was.decides_like(after):
        said = was.document if was is not None and was.side is after.side else None
        servers = newly_spoken_of(name, said, after.document)
        yield from (POLICIES,) if servers is None else map(policies_node, sorted(servers))
        if was is not None and servers is not None:
            yield from nodes_of_policy(unit, name)


def nodes_of_policy(unit: UnitOfWork, name: str) -> Iterator[Node]:
    """The node of a policy, and that of leases that rest on too many to name them, if there ever were such leases."""
    yield policy_node(name)
    if MANY_POLICIES in unit.nodes.generations((MANY_POLICIES,)):
        yield MANY_POLICIES


def _ends_sooner(before: Grant, after: Spec | None) -> bool:
    if not isinstance(after, Grant):
        return True
    if after.expires_at is None:
        return False
    return before.expires_at is None or after.expires_at < before.expires_at
