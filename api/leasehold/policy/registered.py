"""The registry's objects as what decisions are made on: for a look at a world that lives, or would after a plan.

One person is one entity, by the registry's name, whichever foreign id a relation knows them by. An agent that is
suspended, or whose owner is disabled, is no entity: nobody decides in its favour.
"""

from __future__ import annotations

import decimal
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from leasehold.model.access import applies, reach_of_grant
from leasehold.model.ceilings import within_ceilings
from leasehold.model.decisions import Side
from leasehold.model.directory import AttributeValue, Decimal, Relation, Resource, User, entity_id
from leasehold.model.entities import AGENT, GROUP, ROLE, TEAM, Entity, EntityRef, Relationship
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.json_texts import parsed_object
from leasehold.model.people import Agent, AgentState, Owner, OwnerState
from leasehold.model.policies import Policy
from leasehold.model.tools import Scope, ToolAnnotations, ToolServer
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import CallableTool, Mode, Permits, PolicyText, facts_of
from leasehold.policy.published import Published
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations

_GATHERINGS = frozenset({TEAM, ROLE, GROUP})
_MEMBER = "member"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """Every object that decisions depend on, by name."""

    owners: Mapping[str, Owner] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    tool_servers: Mapping[str, ToolServer] = field(default_factory=dict)
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    ceilings: Mapping[str, Ceiling] = field(default_factory=dict)
    grants: Mapping[str, Grant] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    resources: Mapping[str, Resource] = field(default_factory=dict)
    relations: Mapping[str, Relation] = field(default_factory=dict)


def publish_registered(world: Registered) -> Published:
    """Raises `DocumentRefused`, `FactsRefused` or `ValueRefused` for a world that nobody could decide on."""
    people = {EntityRef(user.type, one): EntityRef(user.type, n) for n, user in world.users.items() for one in user.ids}
    facts = facts_of(
        entities=_entities(world, people),
        tools=tools_of(world.tool_servers),
        grants=_held(world),
        relations=StoredRelations(_relationships(world, people)),
    )
    return publish([text_of(name, one) for name, one in sorted(world.policies.items())], facts)


def text_of(name: str, policy: Policy) -> PolicyText:
    """One policy as it is published."""
    return PolicyText(
        name=name,
        document=policy.document,
        side=Side(policy.side.value),
        mode=Mode(policy.mode.value),
        permits=Permits(policy.permits.value),
        schema=policy.schema,
    )


def tools_of(servers: Mapping[str, ToolServer]) -> tuple[CallableTool, ...]:
    """Every tool that can be called."""
    return tuple(
        CallableTool(
            server=name,
            name=tool,
            action=definition.action,
            input_schema=parsed_object(definition.input_schema) if definition.input_schema is not None else None,
            annotations=_hints(definition.annotations),
        )
        for name, server in sorted(servers.items())
        for tool, definition in sorted(server.tools.items())
    )


def _held(world: Registered) -> Iterator[HeldReach]:
    over: dict[str, dict[str, Ceiling]] = {}
    for name, grant in sorted(world.grants.items()):
        agent = world.agents.get(grant.agent)
        owner = world.owners.get(agent.owner) if agent is not None else None
        if agent is None or owner is None:
            continue
        if grant.agent not in over:
            over[grant.agent] = {
                ceiling: one
                for ceiling, one in world.ceilings.items()
                if applies(one, agent_name=grant.agent, agent=agent, owner=owner)
            }
        for reach in within_ceilings(reach_of_grant(grant, world.scopes), over[grant.agent], world.scopes):
            yield HeldReach(holder=EntityRef(AGENT, grant.agent), reach=reach, name=name, expires_at=grant.expires_at)


def _entities(world: Registered, people: Mapping[EntityRef, EntityRef]) -> Iterator[Entity]:
    within = _memberships(world, people)
    for name, agent in world.agents.items():
        owner = world.owners.get(agent.owner)
        if owner is not None and owner.state is OwnerState.ACTIVE and agent.state is AgentState.ACTIVE:
            ref = EntityRef(AGENT, name)
            facts: dict[str, object] = {"owner": agent.owner, "environment": agent.environment}
            yield Entity(ref=ref, attributes=facts, parents=frozenset({*within[ref], EntityRef(TEAM, owner.team)}))
    for name, user in world.users.items():
        ref = EntityRef(user.type, name)
        email = {"email": user.email} if user.email is not None else {}
        roles = {EntityRef(ROLE, role) for role in user.roles}
        yield Entity(
            ref=ref, attributes={**email, **_plain(user.attributes)}, parents=frozenset({*within[ref], *roles})
        )
    for one in world.resources.values():
        ref = EntityRef(one.type, one.foreign_id)
        if ref not in people:  # of a person, the user object tells
            parents = {_ref(parent, people) for parent in one.parents}
            yield Entity(ref=ref, attributes=_plain(one.attributes), parents=frozenset({*within[ref], *parents}))
    named = {EntityRef(ROLE, role) for user in world.users.values() for role in user.roles}
    named |= {one for above in within.values() for one in above} | {one for one in within if one.type in _GATHERINGS}
    yield from (Entity(ref=ref, parents=frozenset(within.get(ref, ()))) for ref in sorted(named))


def _memberships(world: Registered, people: Mapping[EntityRef, EntityRef]) -> defaultdict[EntityRef, set[EntityRef]]:
    """`group:eng#member@user:ana` puts Ana into the group; so for teams and roles."""
    found: defaultdict[EntityRef, set[EntityRef]] = defaultdict(set)
    for one in world.relations.values():
        above = _ref(one.object, people)
        if one.relation == _MEMBER and above.type in _GATHERINGS and one.through in {None, _MEMBER}:
            found[_ref(one.subject, people)].add(above)
    return found


def _relationships(world: Registered, people: Mapping[EntityRef, EntityRef]) -> Iterator[Relationship]:
    for one in world.relations.values():
        yield Relationship(_ref(one.object, people), one.relation, _ref(one.subject, people), one.through)


def _ref(text: str, people: Mapping[EntityRef, EntityRef]) -> EntityRef:
    named = entity_id(text, "an entity")
    ref = EntityRef(named.type, named.id)
    return people.get(ref, ref)


def _plain(attributes: Mapping[str, AttributeValue]) -> dict[str, object]:
    return {
        name: decimal.Decimal(value.decimal) if isinstance(value, Decimal) else value
        for name, value in attributes.items()
    }


def _hints(given: ToolAnnotations | None) -> Mapping[str, bool]:
    if given is None:
        return {}
    said = {
        "readOnlyHint": given.read_only_hint,
        "destructiveHint": given.destructive_hint,
        "idempotentHint": given.idempotent_hint,
        "openWorldHint": given.open_world_hint,
    }
    return {name: value for name, value in said.items() if value is not None}
