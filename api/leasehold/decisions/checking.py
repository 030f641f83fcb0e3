"""Whether a policy could be published now: what the engine's strict validator says, beside everything that lives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from leasehold.decisions.assembling import State
from leasehold.decisions.current import Current
from leasehold.decisions.obstacles import obstacles
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.policies import Policy, PolicyProblem
from leasehold.model.tools import ToolServer
from leasehold.policy.asserting import broken_assertions
from leasehold.policy.assessing import check
from leasehold.policy.blocking import entities_named
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.statements import DocumentRefused, Problem, Statement, statements_of
from leasehold.policy.cedar.validation import line_of
from leasehold.policy.material import FactsRefused, PolicyText, text_of, tools_of
from leasehold.policy.published import Published
from leasehold.policy.publishing import publish

_OF_THE_WORLD = ("unrecognized entity type", "on entity type", "for entity type")
_MESSAGE_LIMIT = 400


class Reader(Protocol):
    """Reads a policy as the engine's parser does; nothing, if it can be read."""

    def check(self, name: str, policy: Policy, servers: Mapping[str, ToolServer], /) -> Sequence[PolicyProblem]: ...


class PublishablePolicies:
    """Refuses what could not be published. First come the reader's complaints, which have exact places."""

    def __init__(self, reader: Reader, current: Current) -> None:
        self._reader, self._current = reader, current

    def check(self, name: str, policy: Policy, servers: Mapping[str, ToolServer], /) -> Sequence[PolicyProblem]:
        """What is wrong; nothing, if it may be published. Raises `Unavailable`."""
        if problems := self._reader.check(name, policy, servers):
            return problems
        try:
            state = self._current.look()
        except (FactsRefused, ValueRefused) as refused:
            return (PolicyProblem(1, 1, f"nothing can be published while {refused}"),)
        facts = replace(state.published.facts, tools=tuple(tools_of(servers)))
        text = text_of(name, policy)
        others = [one for one in state.published.texts if one.schema is not None and one.name != name]
        # Last: of two that claim the same it is the new one that is wrong.
        found = tuple(_problem(one) for one in check((*others, text), facts) if one.document == name)
        return found or tuple(_walked_around(text, state))

    def check_world(self, name: str, spec: ToolServer | User | Resource | Relation, /) -> Sequence[str]:
        """Why nothing could be published beside this; nothing, if all could. Raises `Unavailable`."""
        try:
            state = self._current.look()
        except (FactsRefused, ValueRefused, DocumentRefused):  # it may be what puts an end to that
            return ()
        return tuple(obstacles(name, spec, state))

    def check_assertions(
        self, policies: Mapping[str, Policy], servers: Mapping[str, ToolServer], now: datetime, /
    ) -> Mapping[str, Sequence[PolicyProblem]]:
        """Which assertions the decision point would not bear out, were these published. Raises `Unavailable`."""
        if not any(one.assertions.allow or one.assertions.deny for one in policies.values()):
            return {}
        try:
            state = self._current.look()
            facts = replace(state.published.facts, tools=tuple(tools_of(servers)))
            others = [one for one in state.published.texts if one.name not in policies]
            texts = [*others, *(text_of(name, one) for name, one in policies.items())]
            living = frozenset(one.name for one in others)
            published = publish(texts, facts, state.published.engine, living=living)
        except (FactsRefused, ValueRefused, DocumentRefused):  # what keeps it from being published was told already
            return {}
        return {name: tuple(_broken(one, published, state, now)) for name, one in policies.items()}


def _broken(policy: Policy, published: Published, state: State, now: datetime) -> Iterator[PolicyProblem]:
    for one in broken_assertions(policy.assertions, published, state.directory, now):
        yield PolicyProblem(1, 1, f"decided: {one.reason}", one.may_come, one.path)


def _problem(problem: Problem) -> PolicyProblem:
    # What a run is about to register is missing for a plan alone; what a tool's schema lacks is missing for good.
    unknown = any(word in problem.message for word in _OF_THE_WORLD) and "`agent`" not in problem.message
    hint = f"; did you mean `{problem.suggestion}`?" if problem.suggestion and not unknown else ""
    return PolicyProblem(problem.line, 1, f"{problem.message[:_MESSAGE_LIMIT]}{hint}", unknown)


def _walked_around(text: PolicyText, state: State) -> Iterator[PolicyProblem]:
    """A person named by one of their foreign ids: the policy would never speak of them."""
    try:
        statements = statements_of(text.name, text.document)
    except DocumentRefused:  # the reader let it through, and `check` would have said so
        return
    for one in statements:
        yield from _foreign_names(one, state)


def _foreign_names(statement: Statement, state: State) -> Iterator[PolicyProblem]:
    for named in sorted(entities_named(statement)):
        name = state.directory.ids.get(named)
        if name is not None and not state.directory.is_person(named):
            said = f'`{named.id}` is an id that others give to `{name}`: write {named.type}::"{name}"'
            yield PolicyProblem(line_of(statement, named.id), 1, said)
