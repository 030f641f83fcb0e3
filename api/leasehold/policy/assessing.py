"""Are policies, tools and facts fit to be published together? Every problem, with the line where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import cedarpy
from cedarpy import pst

from leasehold.model.entities import ACTION, ACTS_ON_BEHALF_OF, AGENT, GROUP, RELATION, ROLE, TEAM, USER, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.model.tools import Action
from leasehold.policy.cedar.applications import Application, Part, application_of
from leasehold.policy.cedar.index import scoped, uid_of
from leasehold.policy.cedar.json_schema import SchemaRefused, arguments_shape
from leasehold.policy.cedar.reading import relations_named, relations_to_people_named, types_named
from leasehold.policy.cedar.shapes import EMPTY
from leasehold.policy.cedar.statements import DocumentRefused, Problem, Statement, read
from leasehold.policy.cedar.validation import (
    Listed,
    WrittenSchema,
    fine_under,
    listed_choices,
    problems_of,
    unlisted_choices,
    written_schema,
)
from leasehold.policy.cedar.vocabulary import EVERY_TOOL, ToolShape, Vocabulary, groups_of, schema_text
from leasehold.policy.checking import problems_of_schema
from leasehold.policy.material import CallableTool, Facts, PolicyText

CALLER_SCHEMA: Mapping[str, object] = {
    "type": "object",
    "properties": {
        "region": {"type": "string"},
        "device": {
            "type": "object",
            "properties": {"id": {"type": "string"}, "managed": {"type": "boolean"}, "platform": {"type": "string"}},
            "additionalProperties": True,
        },
    },
    "additionalProperties": True,
}
"""What a caller may say besides (`context.caller`), unless other is published."""
_HINTS = (  # MCP 2025-11-25, ToolAnnotations, with the defaults there
    ("destructive", "destructiveHint", True),
    ("idempotent", "idempotentHint", False),
    ("open_world", "openWorldHint", True),
    ("read_only", "readOnlyHint", False),
)
PRINCIPALS = frozenset({AGENT, USER, GROUP, TEAM, ROLE})
_NONE: frozenset[str] = frozenset()


def check(texts: Iterable[PolicyText], facts: Facts) -> tuple[Problem, ...]:
    """All that is wrong with these texts, for a plan; nothing if all is well.

    Stricter than publishing in one thing: an action, or a type of resource, that nobody has heard of is a mistake to a
    writer. To a policy that is published already it may be a tool that its server dropped, or a type whose last grant
    was taken back, and that must undo nothing.
    """
    every = tuple(texts)
    try:
        vocabulary, application = vocabulary_of(facts), application_in(every)
    except DocumentRefused as refused:
        return refused.problems
    return (*_problems(every, Checker(vocabulary, application)), *_otherwise_declared(every, vocabulary, application))


def checked(
    texts: tuple[PolicyText, ...], checker: Checker, living: frozenset[str] = _NONE
) -> list[tuple[PolicyText, Statement]]:
    """Every statement with its text. Raises `DocumentRefused` with all that is wrong.

    Documents that are `living` were found right once: of them it is enough that they can be read.
    """
    problems = tuple(_problems(texts, checker, living))
    if problems:
        raise DocumentRefused(problems)
    return [(text, one) for text in texts for one in read(text.name, text.document)[0]]


def assuming(vocabulary: Vocabulary, texts: Iterable[PolicyText], application: Application | None) -> Vocabulary:
    """The same, with every type of resource that policies name, in any other, and nothing known of it.

    So with relations: that nobody has one any more makes no policy about those who have it a wrong one.
    """
    documents = [(one.name, one.document) for one in texts if one.schema is None]
    named = frozenset[str]().union(*(_types_named(*one) for one in documents)) - {RELATION, ACTION}
    types = {**dict.fromkeys(named, EMPTY), **vocabulary.types}
    relations = {type_: set(names) for type_, names in vocabulary.relations.items()}
    for type_, name in frozenset[tuple[str, str]]().union(*(_relations_named(*one) for one in documents)):
        if name not in {field for field, _ in types.get(type_, EMPTY).fields}:
            relations.setdefault(type_, set()).add(name)
    for type_, name in application.relations if application is not None else ():
        relations.setdefault(type_, set()).add(name)
    above = frozenset(types) - {AGENT, USER}
    members = {type_: above | vocabulary.members.get(type_, frozenset()) for type_ in types if type_ not in PRINCIPALS}
    held = {type_: frozenset(names) for type_, names in relations.items()}
    return replace(vocabulary, types=types, members={**vocabulary.members, **members}, relations=held)


@lru_cache(maxsize=64)
def _relations_named(name: str, document: str) -> frozenset[tuple[str, str]]:
    templates = [one.template for one in read(name, document)[0]]
    to_things = frozenset(
        (type_, relation)
        for template in templates
        for relation in relations_named(template)
        for type_ in types_named(template) - PRINCIPALS - {RELATION, ACTION}
    )
    return to_things.union((USER, one) for template in templates for one in relations_to_people_named(template))


@lru_cache(maxsize=64)
def _types_named(name: str, document: str) -> frozenset[str]:
    return frozenset[str]().union(*(types_named(one.template) for one in read(name, document)[0]))


def actions_in(vocabulary: Vocabulary, application: Application | None) -> frozenset[EntityRef]:
    """Every action that there is, groups included."""
    names = {group for tool in vocabulary.tools.values() for group in groups_of(tool)} | {kind.value for kind in Action}
    foreign = (ref for ref, _ in application.actions.values()) if application is not None else ()
    return frozenset({EntityRef(ACTION, name) for name in (*names, EVERY_TOOL, *vocabulary.tools)}).union(foreign)


def application_in(texts: Iterable[PolicyText]) -> Application | None:
    """The application whose schemas the texts bring, if any does. Raises `DocumentRefused`."""
    schemas = [(text.name, text.schema) for text in texts if text.schema is not None]
    unfit = [Problem(name, one.line, one.message) for name, schema in schemas for one in problems_of_schema(schema)]
    if unfit:
        raise DocumentRefused(tuple(unfit))
    return application_of(schemas)


def schema_of(facts: Facts, server: str, side: PolicySide) -> str:
    """The Cedar schema of one tool server, as its policies are validated."""
    return schema_text(vocabulary_of(facts), frozenset({server}), _PRINCIPALS[side])


def vocabulary_of(facts: Facts, caller_schema: Mapping[str, object] = CALLER_SCHEMA) -> Vocabulary:
    """What policies can speak of. Raises `DocumentRefused` for a tool whose schema cannot be read."""
    tools: dict[str, ToolShape] = {}
    problems: list[Problem] = []
    for tool in facts.tools:
        try:
            tools[f"{tool.server}/{tool.name}"] = _tool_shape(tool)
        except SchemaRefused as refused:
            problems.append(Problem(f"{tool.server}/{tool.name}", 1, str(refused)))
    problems += _names_taken_twice(facts)
    if problems:
        raise DocumentRefused(tuple(problems))
    return Vocabulary(
        tools=tools,
        types=facts.types,
        members=facts.members,
        relations=_relations(facts),
        caller=arguments_shape(caller_schema),
    )


def _relations(facts: Facts) -> dict[str, frozenset[str]]:
    """Every relation by the type that it is to. A policy may demand `acts_on_behalf_of` before any agent does."""
    found = {type_: facts.relations.names(type_) for type_ in facts.relations.types()}
    attributes = {name for name, _ in facts.types.get(USER, EMPTY).fields}
    return {**found, USER: found.get(USER, _NONE) | ({ACTS_ON_BEHALF_OF} - attributes)}


_PRINCIPALS = {PolicySide.AGENT: AGENT, PolicySide.USER: USER}


class Ground(NamedTuple):
    """What statements about some tool servers are checked against: a schema, and the texts that arguments may be."""

    schema: WrittenSchema
    choices: Listed


@dataclass(frozen=True)
class Checker:
    """Validates statements, each against the schema of what it speaks about. With `actions`, of these alone."""

    vocabulary: Vocabulary
    application: Application | None
    actions: frozenset[EntityRef] | None = None
    grounds: dict[tuple[frozenset[str], PolicySide], Ground] = field(default_factory=dict, compare=False)
    """What was needed so far: a thousand statements about one tool server need one schema."""

    def problems(self, text: PolicyText, statements: tuple[Statement, ...]) -> Iterator[Problem]:
        """All that is wrong with the statements of one text."""
        names = self.vocabulary.names()
        spoken = [one for statement in statements if (one := self._spoken(statement)) is not None]
        parts = [self._part(text, one) for one in spoken]
        grounds = [
            self._ground(one, text.side) if part is None else part for one, part in zip(spoken, parts, strict=True)
        ]
        fine = _fine(spoken, grounds)
        for one, ground in zip(spoken, grounds, strict=True):
            if not isinstance(ground, Ground):
                yield from problems_of(one, ground.schema, ground.names)
                continue
            if one.text not in fine[ground.schema.digest]:
                yield from problems_of(one, ground.schema.schema, names)
            yield from unlisted_choices(one, ground.choices)

    @cached_property
    def servers(self) -> frozenset[str]:
        """Every tool server."""
        return frozenset(tool.server for tool in self.vocabulary.tools.values())

    def _ground(self, statement: Statement, side: PolicySide) -> Ground:
        servers = self._servers(statement)
        found = self.grounds.get((servers, side))
        if found is None:
            schema = _schema(schema_text(self.vocabulary, servers, _PRINCIPALS[side]))
            tools = [tool.arguments for tool in self.vocabulary.tools.values() if tool.server in servers]
            found = self.grounds[servers, side] = Ground(schema, listed_choices(tools))
        return found

    def _spoken(self, statement: Statement) -> Statement | None:
        """The part of a statement about actions that there are; None if it speaks of nothing."""
        named = _named_actions(statement)
        if self.actions is None or named <= self.actions:
            return statement
        left = sorted(named & self.actions)
        if not left:
            return None
        action = pst.ActionIn(tuple(uid_of(ref) for ref in left))
        template = replace(statement.template, action=action)
        written = str(cedarpy.PolicySet.from_pst(pst.PolicySet({}, {template.id: template}, ())))
        return replace(statement, text=written, template=template)

    def _part(self, text: PolicyText, statement: Statement) -> Part | None:
        """The application that a statement speaks of, if it is one's."""
        if self.application is None:
            return None
        return self.application.part(text.schema, [ref.id for ref in _named_actions(statement)])

    def _servers(self, statement: Statement) -> frozenset[str]:
        """The tool servers that a statement speaks about: those of the tools it names, or all."""
        named = frozenset(ref.id.partition("/")[0] for ref in _named_actions(statement))
        return named if named and named <= self.servers else self.servers


@lru_cache(maxsize=64)
def _schema(text: str) -> WrittenSchema:
    """Parsed once: most of what gets published changes policies, and no tools."""
    return written_schema(text)


def _fine(spoken: list[Statement], grounds: list[Ground | Part]) -> dict[bytes, frozenset[str]]:
    """The texts of statements about tools that nothing is wrong with, by the digest of their schema."""
    texts: dict[bytes, tuple[WrittenSchema, list[str]]] = {}
    for one, ground in zip(spoken, grounds, strict=True):
        if isinstance(ground, Ground):
            texts.setdefault(ground.schema.digest, (ground.schema, []))[1].append(one.text)
    return {digest: fine_under(schema, several) for digest, (schema, several) in texts.items()}


def _problems(texts: tuple[PolicyText, ...], checker: Checker, living: frozenset[str] = _NONE) -> Iterator[Problem]:
    yield from _repeated(texts)
    for text in texts:
        statements, unread = read(text.name, text.document)
        yield from unread
        if text.name not in living:
            yield from checker.problems(text, statements)


def _otherwise_declared(
    texts: tuple[PolicyText, ...], vocabulary: Vocabulary, application: Application | None
) -> Iterator[Problem]:
    """Relations that an application takes for something else, or that nobody in it can have."""
    for text in texts:
        part = application.parts[text.schema] if application is not None and text.schema is not None else None
        types = part.declared.types if part is not None else {}
        for type_, declared in types.items():
            held = vocabulary.relations.get(type_, _NONE)
            for name in sorted(declared.attributes.keys() & held - declared.relations):
                said = f"`{name}` is a relation to `{type_}`: declare it as `{name}: {RELATION}`"
                yield Problem(text.name, 1, f"{said}, an `entity {RELATION};` that those who have it are in")
            if declared.relations and not any(RELATION in one.within for one in types.values()):
                said = f"nobody can have `{min(declared.relations)}`, a relation to `{type_}`"
                yield Problem(text.name, 1, f"{said}: declare who can as `entity user in [{RELATION}]`")


def _repeated(texts: tuple[PolicyText, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for text in texts:
        if text.name in seen:
            yield Problem(text.name, 1, "another document has this name")
        seen.add(text.name)


def _names_taken_twice(facts: Facts) -> Iterator[Problem]:
    for type_ in sorted(facts.relations.types()):
        shape = facts.types.get(type_)
        attributes = {name for name, _ in shape.fields} if shape is not None else set()
        for name in sorted(attributes & facts.relations.names(type_)):
            yield Problem(type_, 1, f"`{name}` is an attribute of `{type_}`, and a relation to it")


def _named_actions(statement: Statement) -> frozenset[EntityRef]:
    scopes = scoped(statement, statement.template).actions
    return frozenset(scope[1] for scope in scopes if scope and isinstance(scope[1], EntityRef))


def _tool_shape(tool: CallableTool) -> ToolShape:
    hints = tuple((ours, tool.annotations.get(theirs, default)) for ours, theirs, default in _HINTS)
    arguments = arguments_shape(tool.input_schema)
    return ToolShape(server=tool.server, name=tool.name, action=tool.action, arguments=arguments, hints=hints)
