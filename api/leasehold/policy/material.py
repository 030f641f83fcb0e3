"""What gets published, as plain values: policies, tools, and the facts that decisions look up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from leasehold.model.entities import TOOL_SERVER, Entity, EntityRef, Relations
from leasehold.model.json_texts import parsed_object
from leasehold.model.policies import Policy, PolicyMode, PolicyPermits, PolicySide
from leasehold.model.tools import Action, ToolAnnotations, ToolServer
from leasehold.policy.cedar.known import Known, known_entities
from leasehold.policy.cedar.naming import cedar_name, cedar_ref
from leasehold.policy.cedar.shapes import EMPTY, RecordShape, ShapesDiffer, record_of_all
from leasehold.policy.holdings import HeldReach, Holdings, holdings_of
from leasehold.policy.relating import NO_RELATIONS

_NO_IDS: Mapping[EntityRef, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """A document of policies. `schema` is a Cedar schema of actions that no tool server has, for other applications."""

    name: str
    document: str
    side: PolicySide
    mode: PolicyMode = PolicyMode.ENFORCE
    permits: PolicyPermits = PolicyPermits.WITHIN_GRANTS
    schema: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallableTool:
    """A tool as its server lists it. `annotations` are MCP's hints under MCP's names; an absent one means the worst."""

    server: str
    name: str
    action: Action
    input_schema: Mapping[str, object] | None = None
    annotations: Mapping[str, bool] = field(default_factory=dict)


def text_of(name: str, policy: Policy) -> PolicyText:
    """A policy as the registry keeps it."""
    return PolicyText(
        name=name,
        document=policy.document,
        side=policy.side,
        mode=policy.mode,
        permits=policy.permits,
        schema=policy.schema,
    )


def tools_of(servers: Mapping[str, ToolServer]) -> Iterator[CallableTool]:
    """Every tool of the registry's tool servers. A hint that its server does not give is not there."""
    for server, listed in servers.items():
        for name, tool in listed.tools.items():
            yield CallableTool(
                server=server,
                name=name,
                action=tool.action,
                input_schema=None if tool.input_schema is None else parsed_object(tool.input_schema),
                annotations=_hints(tool.annotations),
            )


def _hints(given: ToolAnnotations | None) -> dict[str, bool]:
    hints = () if given is None else _HINTS
    values = {theirs: getattr(given, ours) for ours, theirs in hints}
    return {name: value for name, value in values.items() if value is not None}


_HINTS = (
    ("read_only_hint", "readOnlyHint"),
    ("destructive_hint", "destructiveHint"),
    ("idempotent_hint", "idempotentHint"),
    ("open_world_hint", "openWorldHint"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that decisions look up besides policies. Made by `facts_of`, changed by making another.

    `ids` are the names of people by each of their foreign ids.
    """

    known: Mapping[EntityRef, Known]
    types: Mapping[str, RecordShape]
    members: Mapping[str, frozenset[str]]
    relations: Relations
    grants: Holdings
    permissions: Holdings
    tools: tuple[CallableTool, ...]
    ids: Mapping[EntityRef, str] = field(default_factory=dict)

    def regranted(self, holder: EntityRef, held: Iterable[HeldReach]) -> Facts:
        """The same, with these as all the grants of one holder."""
        return self.regranted_all((holder,), held)

    def regranted_all(self, holders: Iterable[EntityRef], held: Iterable[HeldReach]) -> Facts:
        """The same, with these as all the grants of several holders."""
        return replace(self, grants=self.grants.replaced(holders, holdings_of(held, _listed(self.tools))))


class FactsRefused(Exception):
    """Attributes of entities that make no type together. Says of which type."""


def facts_of(
    *,
    entities: Iterable[Entity] = (),
    tools: Iterable[CallableTool] = (),
    grants: Iterable[HeldReach] = (),
    permissions: Iterable[HeldReach] = (),
    relations: Relations = NO_RELATIONS,
    ids: Mapping[EntityRef, str] = _NO_IDS,
) -> Facts:
    """Read all facts, once. Raises `FactsRefused`, or `ValueRefused` for an attribute that Cedar has no value for."""
    every_tool = tuple(tools)
    listed, reached = _listed(every_tool), set[str]()
    known = known_entities(entities)
    granted = holdings_of(_watched(grants, reached), listed)
    permitted = holdings_of(_watched(permissions, reached), listed)
    bare = {cedar_name(type_): EMPTY for type_ in (TOOL_SERVER, *reached, *relations.types())}
    return Facts(
        known=known,
        types={**bare, **_types(known)},
        members=_members(known),
        relations=relations,
        grants=granted,
        permissions=permitted,
        tools=every_tool,
        ids={cedar_ref(ref): name for ref, name in ids.items()},
    )


def _listed(tools: Iterable[CallableTool]) -> dict[str, tuple[str, ...]]:
    listed: dict[str, list[str]] = {}
    for tool in tools:
        listed.setdefault(tool.server, []).append(tool.name)
    return {server: tuple(names) for server, names in listed.items()}


def _watched(held: Iterable[HeldReach], reached: set[str]) -> Iterator[HeldReach]:
    """The same, remembering the types of what is reached."""
    for one in held:
        reached.add(one.reach.resource.partition(":")[0])
        yield one


def _types(known: Mapping[EntityRef, Known]) -> dict[str, RecordShape]:
    by_type: dict[str, list[Mapping[str, object]]] = {}
    for ref, one in known.items():
        by_type.setdefault(ref.type, []).append(one.attributes)
    return {type_: _type(type_, attributes) for type_, attributes in by_type.items()}


def _type(name: str, attributes: list[Mapping[str, object]]) -> RecordShape:
    try:
        return record_of_all(attributes)
    except ShapesDiffer as differ:
        raise FactsRefused(f"entities of type `{name}` differ: {differ}") from differ


def _members(known: Mapping[EntityRef, Known]) -> dict[str, frozenset[str]]:
    """Which types each type's entities are in, directly or not."""
    members: dict[str, set[str]] = {}
    seen: set[tuple[str, int]] = set()
    for ref, one in known.items():
        if (ref.type, id(one.ancestors)) not in seen:
            seen.add((ref.type, id(one.ancestors)))
            members.setdefault(ref.type, set()).update(above.type for above in one.ancestors)
    return {type_: frozenset(of) for type_, of in members.items()}
