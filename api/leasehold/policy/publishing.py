"""From texts and facts to what decisions are made on: all of it, or all that is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from leasehold.model.entities import ACTION, USER, EntityRef
from leasehold.model.plain import plain_value
from leasehold.model.policies import PolicySide
from leasehold.policy.assessing import (
    CALLER_SCHEMA,
    Checker,
    actions_in,
    application_in,
    assuming,
    checked,
    vocabulary_of,
)
from leasehold.policy.cedar.applications import Application, within
from leasehold.policy.cedar.engines import CompiledEngine
from leasehold.policy.cedar.evaluation import Engine
from leasehold.policy.cedar.known import Known
from leasehold.policy.cedar.mapping import mapper_of
from leasehold.policy.cedar.reading import attributes_named
from leasehold.policy.cedar.shapes import FieldShape, RecordShape
from leasehold.policy.cedar.vocabulary import ToolShape, groups_of
from leasehold.policy.material import Facts, PolicyText
from leasehold.policy.published import ActionFacts, Policy, Published, SidePolicies

_DIGEST = 16


def publish(
    texts: Iterable[PolicyText],
    facts: Facts,
    engine: Engine | None = None,
    *,
    caller_schema: Mapping[str, object] = CALLER_SCHEMA,
    as_of: str = "",
    living: frozenset[str] = frozenset(),
) -> Published:
    """Everything checked and ready. Raises `DocumentRefused` with all that is wrong; then nothing was published.

    `as_of` tells states of the facts apart, in the version that every decision names. Documents that are `living` were
    published before: where the world has changed beneath them, they fail at the questions that show it, and deny.
    """
    every = tuple(sorted(texts, key=lambda text: text.name))
    application = application_in(every)
    vocabulary = assuming(vocabulary_of(facts, caller_schema), every, application)
    checker = Checker(vocabulary, application, actions_in(vocabulary, application))
    found = [
        (text.side, Policy(within(application, text.schema, one), text.mode, text.permits))
        for text, one in checked(every, checker, living)
    ]
    chosen = engine or CompiledEngine()
    actions = {**_foreign(application), **{name: _action(name, tool) for name, tool in vocabulary.tools.items()}}
    by_side = {side: [one for of, one in found if of is side] for side in PolicySide}
    named = frozenset[str]().union(*(attributes_named(one.statement.template) for _, one in found))
    to_people = vocabulary.relations[USER] & named
    return Published(
        version=_version(every, facts, caller_schema, as_of),
        texts=every,
        policies={one.statement.id: one for _, one in found},
        actions=actions,
        agents=SidePolicies(by_side[PolicySide.AGENT], chosen, grants=True, to_people=to_people),
        users=SidePolicies(by_side[PolicySide.USER], chosen, grants=False, to_people=to_people),
        facts=facts,
        entities={**facts.known, **{one.ref: Known({}, one.groups) for one in actions.values()}},
        vocabulary=vocabulary,
        caller=mapper_of(vocabulary.caller),
        properties={type_: mapper_of(_claims(shape)) for type_, shape in facts.types.items()},
        application=application,
        engine=chosen,
        to_people=to_people,
    )


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
