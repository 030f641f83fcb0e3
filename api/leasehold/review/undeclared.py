"""Which live objects no given stack declares, though they bear on what the given stacks declare."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from leasehold.model.access import applies
from leasehold.model.credentials import CredentialProfile
from leasehold.model.deployments import Deployment
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.people import Agent, Owner
from leasehold.model.pins import ToolPin
from leasehold.model.policies import Policy
from leasehold.model.tools import Scope
from leasehold.model.trust import TrustIssuer, WorkloadBinding
from leasehold.review.declared import Declared
from leasehold.review.entitlements import beyond, entitlements
from leasehold.review.worlds import Key, Live


def undeclared(declared: Declared, live: Live, now: datetime) -> Iterator[Key]:
    """Live objects that are unmanaged from where the given stacks stand, in order of kind and name."""
    for key in sorted(live.stored):
        if not declared.mentions(key) and _bears_on(declared, live, live.stored[key], now):
            yield key


def _bears_on(declared: Declared, live: Live, stored: Stored[Spec], now: datetime) -> bool:
    if stored.stack in declared.stacks:
        return True  # a stack's own leftovers, whatever they are
    if isinstance(stored.spec, Grant):
        return _is_loose_grant(declared, live, stored)
    if stored.stack is not None:
        return False  # another stack answers for it
    return _is_loose(declared, live, stored, now)


def _is_loose(  # noqa: C901, PLR0911  one arm per noun
    declared: Declared, live: Live, stored: Stored[Spec], now: datetime
) -> bool:
    """Made by hand, and able to move what the stacks answer for.

    An owner, a scope or a tool server by itself moves nothing: what would use it is found instead.
    """
    match stored.spec:
        case WorkloadBinding() as binding:
            return binding.agent in declared.agents if binding.agent is not None else _governs_roles(declared)
        case Deployment():
            return stored.spec.agent in declared.agents
        case GrantSet():
            return stored.name in declared.agents
        case CredentialProfile():
            return bool(stored.spec.agents & declared.agents)
        case Agent():
            return declared.mentions((Kind.OWNERS, stored.spec.owner))
        case Ceiling():
            return _holds_down(declared, live, stored.name, stored.spec, now)
        case TrustIssuer():
            return _speaks_for_people(declared, stored.spec)
        case ToolPin() | Policy() | DriftException() | User() | Resource() | Relation():
            return _governs(declared, type(stored.spec))
        case _:
            return False


def _is_loose_grant(declared: Declared, live: Live, stored: Stored[Spec]) -> bool:
    """A hand-made grant is always loose: a refreshed state lists it in the claim, and must not thereby hide it.

    Whoever declares a tool server answers for hand-made grants on it, of agents that no stack manages.
    """
    grant = stored.spec
    if not isinstance(grant, Grant):
        return False
    if stored.stack is None:
        ours = grant.agent in declared.agents or grant.agent in declared.claimed_agents
        return ours or (
            _is_nobodys(live, grant.agent) and declared.mentions((Kind.TOOL_SERVERS, _server_of(live, grant)))
        )
    return grant.agent in declared.claimed_agents and stored.name not in declared.claims.get(grant.agent, ())


def _is_nobodys(live: Live, agent: str) -> bool:
    stored = live.stored.get((Kind.AGENTS, agent))
    return stored is not None and stored.stack is None


def _server_of(live: Live, grant: Grant) -> str:
    scope = live.world.of(Scope).get(grant.scope) if grant.scope is not None else None
    return scope.tool_server if scope is not None else grant.tool_server or ""


def _governs_roles(declared: Declared) -> bool:
    """Stacks that declare platform roles answer for all of them; others have never heard of the bootstrap bindings."""
    return any(isinstance(one.spec, WorkloadBinding) and one.spec.role is not None for one in declared.objects)


def _speaks_for_people(declared: Declared, issuer: TrustIssuer) -> bool:
    """An issuer by itself lets no workload in: its bindings are found. Its word for people needs none.

    Stacks that declare no issuers, or no roles, have never heard of the bootstrap's.
    """
    by_itself = issuer.id_jag or issuer.login is not None
    return _governs(declared, TrustIssuer) and (by_itself or _governs_roles(declared))


def _governs(declared: Declared, noun: type[Spec]) -> bool:
    """Stacks that declare one of a kind answer for all of them.

    A policy made by hand can widen what the others allow; so can what policies ask for, or whose word is taken; a pin
    made by hand approves tools. And an exception made by hand hides a finding: where none is declared, the finding
    names it.
    """
    return any(isinstance(one.spec, noun) for one in declared.objects)


def _holds_down(declared: Declared, live: Live, name: str, ceiling: Ceiling, now: datetime) -> bool:
    """A hand-made ceiling matters if it names a declared agent, or withholds something from one."""
    what, _, principal = ceiling.principal.partition(":")
    if what == "agent":
        return principal in declared.agents
    without = live.world.supposing(Kind.CEILINGS, name, None)
    return any(
        beyond(entitlements(without, agent, now), entitlements(live.world, agent, now))
        for agent in declared.agents
        if _applies(live, agent, ceiling)
    )


def _applies(live: Live, name: str, ceiling: Ceiling) -> bool:
    agent = live.world.of(Agent).get(name)
    owner = live.world.of(Owner).get(agent.owner) if agent is not None else None
    return agent is not None and owner is not None and applies(ceiling, agent_name=name, agent=agent, owner=owner)
