"""Which live objects no given stack declares, though they bear on what the given stacks declare."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from leasehold.model.access import applies
from leasehold.model.deployments import Deployment
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import Policy
from leasehold.model.trust import WorkloadBinding
from leasehold.review.declared import Declared
from leasehold.review.entitlements import beyond, entitlements
from leasehold.review.worlds import Key, Live


def undeclared(declared: Declared, live: Live, now: datetime) -> Iterator[Key]:
    """Live objects that are unmanaged from where the given stacks stand, in order of kind and name."""
    for key in sorted(live.stored):
        if not declared.mentions(key) and _bears_on(declared, live, live.stored[key], now):
            yield key


def _bears_on(  # noqa: PLR0911  one arm per noun
    declared: Declared, live: Live, stored: Stored[Spec], now: datetime
) -> bool:
    if stored.stack in declared.stacks:
        return True  # a stack's own leftovers, whatever they are
    spec = stored.spec
    if isinstance(spec, Grant):
        return _is_loose_grant(declared, stored.name, spec, stored.stack)
    if stored.stack is not None:
        return False  # another stack answers for it
    if isinstance(spec, WorkloadBinding):
        return spec.agent in declared.agents if spec.agent is not None else _governs_roles(declared)
    if isinstance(spec, Deployment):
        return spec.agent in declared.agents
    if isinstance(spec, Policy):
        return _governs(declared, Policy)
    if isinstance(spec, DriftException):
        return _governs(declared, DriftException)
    return isinstance(spec, Ceiling) and _holds_down(declared, live, stored.name, spec, now)


def _is_loose_grant(declared: Declared, name: str, grant: Grant, stack: str | None) -> bool:
    """A hand-made grant is always loose: a refreshed state lists it in the claim, and must not thereby hide it."""
    if grant.agent not in declared.agents and grant.agent not in declared.claimed_agents:
        return False
    if stack is None:
        return True
    return grant.agent in declared.claimed_agents and name not in declared.claims.get(grant.agent, ())


def _governs_roles(declared: Declared) -> bool:
    """Stacks that declare platform roles answer for all of them; others have never heard of the bootstrap bindings."""
    return any(isinstance(one.spec, WorkloadBinding) and one.spec.role is not None for one in declared.objects)


def _governs(declared: Declared, noun: type[Spec]) -> bool:
    """Stacks that declare policies answer for all of them: one made by hand can widen what each of them allows.

    So with drift exceptions: one made by hand hides what the others do not. Where none is declared, each is named by
    the finding that it accepts.
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
