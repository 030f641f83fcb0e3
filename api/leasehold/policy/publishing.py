"""From texts and facts to what decisions are made on: all of it, or all that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cedarpy

from leasehold.model.decisions import Side
from leasehold.model.entities import ACTION, AGENT, USER, EntityRef
from leasehold.model.plain import plain_value
from leasehold.policy.cedar.applications import Application, application_of
from leasehold.policy.cedar.engines import CompiledEngine
from leasehold.policy.cedar.evaluation import Engine
from leasehold.policy.cedar.index import Memo, scoped
from leasehold.policy.cedar.json_schema import SchemaRefused, arguments_shape
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.mapping import mapper_of
from leasehold.policy.cedar.shapes import FieldShape, RecordShape
from leasehold.policy.cedar.statements import DocumentRefused, Problem, Statement, read
from leasehold.policy.cedar.validation import problems_of, unlisted_choices
from leasehold.policy.cedar.vocabulary import ToolShape, Vocabulary, groups_of, schema_text
from leasehold.policy.material import CallableTool, Facts, PolicyText
from leasehold.policy.published import ActionFacts, Policy, Published, SidePolicies

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
_DIGEST = 16


def publish(
    texts: Iterable[PolicyText],
    facts: Facts,
    engine: Engine | None = None,
    *,
    caller_schema: Mapping[str, object] = CALLER_SCHEMA,
    as_of: str = "",
) -> Published:
    """Everything checked and ready. Raises `DocumentRefused` with all that is wrong; then nothing was published.

    `as_of` tells states of the facts apart, in the version that every decision names.
    """
    every = tuple(sorted(texts, key=lambda text: text.name))
    vocabulary = vocabulary_of(facts, caller_schema)
    application = application_of([(text.name, text.schema) for text in every if text.schema is not None])
    checked = _checked(every, _Checker(vocabulary, application))
    chosen = engine or CompiledEngine()
    actions = {**_foreign(application), **{name: _action(name, tool) for name, tool in vocabulary.tools.items()}}
    by_side = {side: [one for text, one in checked if text.side is side] for side in Side}
    return Published(
        version=_version(every, facts, caller_schema, as_of),
        texts=every,
        policies={one.statement.id: one for _, one in checked},
        actions=actions,
        agents=SidePolicies(by_side[Side.AGENT], chosen, grants=True),
        users=SidePolicies(by_side[Side.USER], chosen, grants=False),
        facts=facts,
        entities={**facts.known, **{one.ref: Known({}, one.groups) for one in actions.values()}},
        vocabulary=vocabulary,
        caller=mapper_of(vocabulary.caller),
        properties={type_: mapper_of(_claims(shape)) for type_, shape in facts.types.items()},
        application=application,
        engine=chosen,
    )


def check(texts: Iterable[PolicyText], facts: Facts) -> tuple[Problem, ...]:
    """All that is wrong with these texts, for a plan; nothing if they can be published."""
    try:
        publish(texts, facts)
    except DocumentRefused as refused:
        return refused.problems
    return ()


def schema_of(facts: Facts, server: str, side: Side) -> str:
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
        relations={type_: facts.relations.names(type_) for type_ in facts.relations.types()},
        caller=arguments_shape(caller_schema),
    )


_PRINCIPALS = {Side.AGENT: AGENT, Side.USER: USER}


@dataclass(frozen=True, slots=True)
class _Checker:
    """Validates statements, each against the schema of what it speaks about."""

    vocabulary: Vocabulary
    application: Application | None

    def problems(self, text: PolicyText, statements: tuple[Statement, ...]) -> Iterator[Problem]:
        schemas: Memo[cedarpy.Schema] = Memo()
        names = self.vocabulary.names()
        for one in statements:
            if self._is_foreign(text, one) and self.application is not None:
                yield from problems_of(one, self.application.schema, self.application.names)
                continue
            servers = self._servers(one)
            yield from problems_of(one, self._schema(servers, text.side, schemas), names)
            tools = [tool.arguments for tool in self.vocabulary.tools.values() if tool.server in servers]
            yield from unlisted_choices(one, tools)

    def _schema(self, servers: frozenset[str], side: Side, schemas: Memo[cedarpy.Schema]) -> cedarpy.Schema:
        return schemas.get(
            servers, lambda: cedarpy.Schema.from_str(schema_text(self.vocabulary, servers, _PRINCIPALS[side]))
        )

    def _is_foreign(self, text: PolicyText, statement: Statement) -> bool:
        if text.schema is not None or self.application is None:
            return text.schema is not None
        named = _named_actions(statement)
        return bool(named) and named <= {ref for ref, _ in self.application.actions.values()}

    def _servers(self, statement: Statement) -> frozenset[str]:
        """The tool servers that a statement speaks about: those of the tools it names, or all."""
        every = frozenset(tool.server for tool in self.vocabulary.tools.values())
        named = frozenset(ref.id.partition("/")[0] for ref in _named_actions(statement))
        return named if named and named <= every else every


def _checked(texts: tuple[PolicyText, ...], checker: _Checker) -> list[tuple[PolicyText, Policy]]:
    found: list[tuple[PolicyText, Policy]] = []
    problems: list[Problem] = list(_repeated(texts))
    for text in texts:
        statements, unread = read(text.name, text.document)
        problems += [*unread, *checker.problems(text, statements)]
        found += [(text, Policy(one, text.mode, text.permits)) for one in statements]
    if problems:
        raise DocumentRefused(tuple(problems))
    return found


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


def _action(name: str, tool: ToolShape) -> ActionFacts:
    groups = frozenset(EntityRef(ACTION, group) for group in groups_of(tool))
    facts = {"server": tool.server, "name": tool.name, "action": tool.action.value, **dict(tool.hints)}
    return ActionFacts(EntityRef(ACTION, name), groups, tool, mapper_of(tool.arguments), facts)


def _foreign(application: Application | None) -> dict[str, ActionFacts]:
    actions = application.actions if application is not None else {}
    return {name: ActionFacts(ref, groups) for name, (ref, groups) in actions.items()}


def _claims(shape: RecordShape) -> RecordShape:
    """What a caller may say of an entity: any known attribute, and others that nobody looks at."""
    optional = ((name, FieldShape(one.shape, required=False, nullable=True)) for name, one in shape.fields)
    return RecordShape(tuple(optional), open=True)


def _version(texts: tuple[PolicyText, ...], facts: Facts, caller_schema: Mapping[str, object], as_of: str) -> str:
    """The same policies over the same tools have the same version, wherever and whenever they are published."""
    tools = sorted((plain_value(tool) for tool in facts.tools), key=lambda tool: (tool["server"], tool["name"]))
    whole = [[plain_value(text) for text in texts], tools, plain_value(caller_schema)]
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:_DIGEST]
    return f"{digest}@{as_of}" if as_of else digest
