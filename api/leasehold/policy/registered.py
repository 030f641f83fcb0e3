"""The registry's objects as what decisions are made on: for a look at a world that lives, or would after a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from leasehold.model.access import applies, reach_of_grant
from leasehold.model.ceilings import within_ceilings
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.people import Agent, Owner
from leasehold.model.policies import Policy
from leasehold.model.tools import Scope, ToolServer
from leasehold.policy.directory import directory_of, entities_of, relationships_of
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import facts_of, text_of, tools_of
from leasehold.policy.published import Published
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations


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
    relations = list(world.relations.values())
    things, directory = list(world.resources.values()), directory_of(world.users)
    facts = facts_of(
        entities=entities_of(world.agents, world.owners, world.users, things, relations),
        tools=tools_of(dict(sorted(world.tool_servers.items()))),
        grants=_held(world),
        relations=StoredRelations(relationships_of(directory, relations)),
        ids=directory.ids,
    )
    return publish([text_of(name, one) for name, one in sorted(world.policies.items())], facts)


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
