"""What policies can speak of: the actions with their arguments, the types of entities, their attributes and relations.

The same shapes write the Cedar schema that policies are validated against and map each request's values, so that a
policy that was accepted sees nothing that it was not promised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from leasehold.model.entities import AGENT, GROUP, RELATION, ROLE, TEAM, TOOL_SERVER, USER, EntityRef
from leasehold.model.tools import Action
from leasehold.policy.cedar.shapes import (
    EMPTY,
    FieldShape,
    FlagShape,
    MomentShape,
    NetworkShape,
    RecordShape,
    RefShape,
    SetShape,
    TextShape,
    WholeShape,
    cedar_type,
    names_in,
    quoted,
    types_in,
)

EVERY_TOOL = "*"
_MEMBERS = {
    AGENT: (TEAM, ROLE, GROUP),
    USER: (GROUP, ROLE, TEAM),
    GROUP: (GROUP, ROLE, TEAM),
    TEAM: (TEAM,),
    ROLE: (ROLE,),
    TOOL_SERVER: (),
    RELATION: (RELATION,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolShape:
    """A tool as policies see it: `context.input` and `context.tool`."""

    server: str
    name: str
    action: Action
    arguments: RecordShape
    hints: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """All of it. `types` are the attributes of each type of entity, `members` what its entities can be in."""

    tools: Mapping[str, ToolShape]
    types: Mapping[str, RecordShape]
    members: Mapping[str, frozenset[str]]
    relations: Mapping[str, frozenset[str]]
    caller: RecordShape = EMPTY
    principals: frozenset[str] = field(default=frozenset({AGENT, USER}))

    def names(self) -> frozenset[str]:
        """Every name that a policy could mean: fields, types, actions."""
        fields = (names_in(one) for one in (*self.types.values(), *(tool.arguments for tool in self.tools.values())))
        relations = (names for names in self.relations.values())
        return frozenset({*self.types, *self.tools}).union(
            names_in(CONTEXT), names_in(self.caller), *fields, *relations
        )


CONTEXT = RecordShape(
    (
        (
            "tool",
            FieldShape(
                RecordShape(
                    (
                        ("action", FieldShape(TextShape(), required=True)),
                        ("destructive", FieldShape(FlagShape(), required=True)),
                        ("idempotent", FieldShape(FlagShape(), required=True)),
                        ("name", FieldShape(TextShape(), required=True)),
                        ("open_world", FieldShape(FlagShape(), required=True)),
                        ("read_only", FieldShape(FlagShape(), required=True)),
                        ("server", FieldShape(TextShape(), required=True)),
                    )
                ),
                required=True,
            ),
        ),
        ("now", FieldShape(MomentShape(), required=True)),
        ("weekday", FieldShape(WholeShape(), required=True)),
        ("depth", FieldShape(WholeShape(), required=True)),
        ("chain", FieldShape(SetShape(RefShape(AGENT)), required=True)),
        ("deployment", FieldShape(TextShape(), required=False)),
        ("source_ip", FieldShape(NetworkShape(), required=False)),
        (
            "oauth",
            FieldShape(
                RecordShape(
                    (
                        ("consent", FieldShape(FlagShape(), required=True)),
                        ("mode", FieldShape(TextShape(), required=True)),
                        ("scopes", FieldShape(SetShape(TextShape()), required=True)),
                    )
                ),
                required=False,
            ),
        ),
        ("on_behalf_of", FieldShape(RefShape(USER), required=False)),
        ("via_agent", FieldShape(RefShape(AGENT), required=False)),
    )
)
"""What every tool call's context holds besides `input` and `caller`. `weekday` counts from Monday, 1, in UTC."""


def groups_of(tool: ToolShape) -> tuple[str, ...]:
    """The actions that a tool call is in: every tool, the tools of its server, those that do the same to the world."""
    return EVERY_TOOL, f"{tool.server}/*", tool.action.value


def schema_text(vocabulary: Vocabulary, servers: frozenset[str], principal: str) -> str:
    """The Cedar schema of these tool servers' tools, for one type of principal."""
    tools = {name: tool for name, tool in vocabulary.tools.items() if tool.server in servers}
    lines = [*_entity_types(vocabulary), *_groups(servers)]
    lines += [
        _action(vocabulary, quoted(name), groups_of(tool), tool.arguments, principal) for name, tool in tools.items()
    ]
    # A rule about what deletes stays a rule while nothing does.
    kinds = {tool.action for tool in tools.values()}
    lines += [
        _action(vocabulary, quoted(f"/{kind}"), (EVERY_TOOL, kind.value), EMPTY, principal)
        for kind in Action
        if kind not in kinds
    ]
    return "\n".join(lines) + "\n"


def relation_ref(target: EntityRef, relation: str) -> EntityRef:
    """All who have the relation to the target, as one entity that they are in."""
    return EntityRef(RELATION, f"{target.type}:{target.id}#{relation}")


def _entity_types(vocabulary: Vocabulary) -> Iterator[str]:
    above = (of for of in vocabulary.members.values())
    for type_ in sorted({*vocabulary.types, *_MEMBERS}.union(*above, *map(types_in, vocabulary.types.values()))):
        shape = vocabulary.types.get(type_, EMPTY)
        relations = tuple(
            (name, FieldShape(RefShape(RELATION), required=True))
            for name in sorted(vocabulary.relations.get(type_, ()))
        )
        of = sorted({*_MEMBERS.get(type_, ()), *vocabulary.members.get(type_, ()), RELATION})
        yield f"entity {type_} in [{', '.join(of)}] = {cedar_type(RecordShape(shape.fields + relations))};"


def _groups(servers: Iterable[str]) -> Iterator[str]:
    names = [EVERY_TOOL, *(f"{server}/*" for server in sorted(servers)), *(kind.value for kind in Action)]
    yield f"action {', '.join(quoted(name) for name in names)};"


def _action(vocabulary: Vocabulary, name: str, groups: tuple[str, ...], arguments: RecordShape, principal: str) -> str:
    fields: tuple[tuple[str, FieldShape], ...] = (("input", FieldShape(arguments, required=True)), *CONTEXT.fields)
    if vocabulary.caller.fields:
        fields += (("caller", FieldShape(vocabulary.caller, required=False)),)
    resources = ", ".join(sorted({*vocabulary.types, TOOL_SERVER} - {AGENT, USER, GROUP, TEAM, ROLE, RELATION}))
    of = ", ".join(f"Action::{quoted(group)}" for group in groups)
    return (
        f"action {name} in [{of}] appliesTo "
        f"{{ principal: [{principal}], resource: [{resources}], context: {cedar_type(RecordShape(fields))} }};"
    )
