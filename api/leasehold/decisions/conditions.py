"""Who can call a tool and what an agent can call, with what is left to be true: the reverse of a decision.

Nothing is asked of the moment, so that every condition stays as it is written. INVARIANT: who is not in the list is
denied whatever they say; who is in it may be denied still, by what stands beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cedarpy import pst

from leasehold.decisions.assembling import State
from leasehold.model.authority.plain import Constraints
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.patterns import covers
from leasehold.policy.cedar.naming import cedar_ref
from leasehold.policy.holdings import Holding
from leasehold.policy.material import Mode
from leasehold.policy.published import ActionFacts, Policy, SidePolicies, Slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """That somebody can do something, by a grant or by policies alone.

    One policy of `only_if` has to hold, where there are any, and none of `unless` may.
    """

    subject: EntityRef
    action: str
    resource: str = "*"
    grant: str | None = None
    constraints: Constraints = ()
    expires_at: datetime | None = None
    only_if: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standings:
    """All of them, and every policy that they name."""

    items: Sequence[Standing]
    policies: Mapping[str, Policy] = field(default_factory=dict)


def who_can(state: State, action: str, resource: str | None, now: datetime) -> Standings:
    """Every agent, and every person by themselves, that can do this."""
    facts = state.published.actions.get(action)
    if facts is None:
        return Standings(())
    agents = _agents(state, facts)
    found = [one for agent in agents for one in of_agent(state, agent, facts, resource, now)]
    found += [one for person in state.directory.names for one in of_person(state, person, facts, resource)]
    return _with_policies(sorted(found, key=lambda one: (one.subject, one.resource, one.grant or "")), state)


def what_can(state: State, subject: EntityRef, resource: str | None, now: datetime) -> Standings:
    """Everything that an agent, or a person by themselves, can do."""
    ref = cedar_ref(subject)
    of = (
        of_agent(state, ref, facts, resource, now) if ref.type == AGENT else of_person(state, ref, facts, resource)
        for _, facts in sorted(state.published.actions.items())
    )
    return _with_policies([one for found in of for one in found], state)


def of_agent(
    state: State, agent: EntityRef, action: ActionFacts, resource: str | None, now: datetime
) -> Iterator[Standing]:
    """What lets an agent do this: each grant that reaches it, and policies that grant by themselves."""
    known = state.published.facts.known.get(agent)
    if known is None:
        return
    piece = state.published.agents.slice_of(agent, known.ancestors, action)
    policies = _concerned(piece, resource)
    unless = _unless(policies)
    if unless is None:
        return
    permits = [one for one in policies if one.statement.permits]
    conditions = tuple(one.statement.id for one in permits if one.statement.id in piece.conditions)
    if not piece.conditions or conditions:
        for holding in _live(state, agent, action, resource, now):
            yield _by_grant(agent, action, holding, conditions, unless)
    if beyond := tuple(one.statement.id for one in permits if one.statement.id in piece.beyond):
        yield Standing(subject=agent, action=action.ref.id, resource=resource or "*", only_if=beyond, unless=unless)


def of_person(state: State, person: EntityRef, action: ActionFacts, resource: str | None) -> Iterator[Standing]:
    """What lets a person do this by themselves."""
    known = state.published.facts.known.get(cedar_ref(person))
    if known is None:
        return
    policies = _concerned(state.published.users.slice_of(cedar_ref(person), known.ancestors, action), resource)
    unless = _unless(policies)
    permits = tuple(one.statement.id for one in policies if one.statement.permits)
    if permits and unless is not None:
        yield Standing(subject=person, action=action.ref.id, resource=resource or "*", only_if=permits, unless=unless)


def _by_grant(
    agent: EntityRef, action: ActionFacts, holding: Holding, conditions: tuple[str, ...], unless: tuple[str, ...]
) -> Standing:
    return Standing(
        subject=agent,
        action=action.ref.id,
        resource=holding.rule.resource,
        grant=holding.grant,
        constraints=holding.rule.constraints,
        expires_at=holding.rule.expires_at,
        only_if=conditions,
        unless=unless,
    )


def _agents(state: State, action: ActionFacts) -> Iterable[EntityRef]:
    if _grants_by_itself(state.published.agents, action):
        return [ref for ref in state.published.facts.known if ref.type == AGENT]
    name = action.ref.id
    return [ref for ref, held in state.published.facts.grants.items() if name in held]


def _grants_by_itself(policies: SidePolicies, action: ActionFacts) -> bool:
    return action.tool is None or any(one.permits is one.permits.BEYOND_GRANTS for _, one in policies.about(action))


def _live(
    state: State, agent: EntityRef, action: ActionFacts, resource: str | None, now: datetime
) -> Iterator[Holding]:
    for holding in state.published.facts.grants.get(agent, {}).get(action.ref.id, ()):
        pattern, _, expires_at = holding.rule
        if (expires_at is None or now < expires_at) and (resource is None or covers(pattern, resource)):
            yield holding


def _concerned(piece: Slice, resource: str | None) -> list[Policy]:
    """The policies that count, without those about another resource."""
    return [one for one in piece.policies if one.mode is Mode.ENFORCE and _may_concern(one, resource)]


def _may_concern(policy: Policy, resource: str | None) -> bool:
    scope = policy.statement.template.resource
    if resource is None or not isinstance(scope, pst.ScopeEq) or not isinstance(scope.entity, pst.EntityUid):
        return True
    type_, _, id_ = resource.partition(":")
    return (str(scope.entity.type), scope.entity.id) == cedar_ref(EntityRef(type_, id_))


def _unless(policies: Iterable[Policy]) -> tuple[str, ...] | None:
    """The forbids that may hold; None if one holds whatever happens."""
    forbids = [one.statement for one in policies if not one.statement.permits]
    if any(not one.template.clauses and isinstance(one.template.resource, pst.ScopeAny) for one in forbids):
        return None
    return tuple(one.id for one in forbids)


def _with_policies(found: Sequence[Standing], state: State) -> Standings:
    ids = sorted({id_ for one in found for id_ in (*one.only_if, *one.unless)})
    return Standings(found, {id_: state.published.policies[id_] for id_ in ids})
