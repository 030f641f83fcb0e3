"""Whose object is it? A developer writes only for agents of their teams; the owner's team decides."""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.model.errors import Forbidden
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, agent_of
from leasehold.model.people import Agent, Owner
from leasehold.policy.decision import Deny, Permit
from leasehold.policy.platform import within_teams
from leasehold.registry.ports import UnitOfWork


def check_teams(unit: UnitOfWork, permit: Permit, name: str, *specs: Spec | None) -> None:
    """Raise `Forbidden` unless the permit reaches the teams of every spec given (an object before and after)."""
    require(within_teams(permit, _teams(unit, name, specs)))


def team_of_agent(unit: UnitOfWork, agent: str | None) -> str | None:
    """The team of an agent's owner, None if there is no such agent."""
    found = unit.objects.find(Kind.AGENTS, agent) if agent is not None else None
    return _team_of_owner(unit, found.spec.owner) if found is not None and isinstance(found.spec, Agent) else None


def require(answer: Permit | Deny) -> Permit:
    """The permit. Raises `Forbidden` with the reason of a denial."""
    if isinstance(answer, Deny):
        raise Forbidden(answer.reason)
    return answer


def _teams(unit: UnitOfWork, name: str, specs: tuple[Spec | None, ...]) -> Iterator[str | None]:
    for spec in specs:
        if isinstance(spec, Agent):
            yield _team_of_owner(unit, spec.owner)
        elif spec is not None:
            yield team_of_agent(unit, agent_of(name, spec))


def _team_of_owner(unit: UnitOfWork, owner: str) -> str | None:
    found = unit.objects.find(Kind.OWNERS, owner)
    return found.spec.team if found is not None and isinstance(found.spec, Owner) else None
