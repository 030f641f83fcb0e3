"""Who, on what, and doing what would be allowed: every candidate that the registry knows, decided by itself.

What nobody registered, and no grant names, is not found.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from leasehold.decisions.assembling import State
from leasehold.decisions.questions import AccessQuestion, request_of
from leasehold.decisions.records import digest, plain_question
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.errors import InvalidValue
from leasehold.model.names import has_wildcard
from leasehold.policy.cedar.naming import cedar_name, cedar_ref
from leasehold.policy.deciding import decision_on

PAGE_DEFAULT, PAGE_LIMIT = 100, 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the results. `token` is what an earlier page ended with."""

    token: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Results(Generic[T]):
    """One page of results. `next_token` is empty on the last."""

    items: Sequence[T]
    total: int
    next_token: str
    logins: Sequence[str] = ()
    """Groups of a login with which others may be allowed besides: who brings one, nobody knows before."""


def subjects(question: AccessQuestion, state: State, now: datetime) -> Iterator[str]:
    """The ids of all subjects of the question's type that would be allowed, in order."""
    type_ = question.subject.type
    candidates = _subjects(type_, question, state)
    return _allowed(candidates, lambda id_: replace(question, subject=replace(question.subject, id=id_)), state, now)


def resources(question: AccessQuestion, state: State, now: datetime) -> Iterator[str]:
    """The ids of all resources of the question's type on which it would be allowed, in order."""
    candidates = sorted(_resources(question, state))
    return _allowed(candidates, lambda id_: replace(question, resource=replace(question.resource, id=id_)), state, now)


def actions(question: AccessQuestion, state: State, now: datetime) -> Iterator[str]:
    """The names of all actions that would be allowed, in order."""
    return _allowed(sorted(state.published.actions), lambda name: replace(question, action=name), state, now)


def paged(found: Iterable[str], question: AccessQuestion, what: str, wanted: Wanted) -> Results[str]:
    """One page. Raises `InvalidValue` for a token of another search."""
    inputs = digest([what, plain_question(question)])
    after, limit = _position(wanted, inputs)
    every = list(found)
    rest = [one for one in every if one > after]
    page = rest[:limit]
    last = page[-1] if page else after
    return Results(page, len(every), _token(inputs, last, limit) if len(rest) > len(page) else "")


def _allowed(
    candidates: Iterable[str], asked: Callable[[str], AccessQuestion], state: State, now: datetime
) -> Iterator[str]:
    for one in candidates:
        if decision_on(request_of(asked(one), state, now), state.published).allowed:
            yield one


def _subjects(type_: str, question: AccessQuestion, state: State) -> list[str]:
    return sorted(_agents(question, state) if type_ == AGENT else _known(type_, state))


def _agents(question: AccessQuestion, state: State) -> Iterator[str]:
    """Agents that hold the action, if only a grant can let them; else all."""
    action = state.published.actions.get(question.action)
    beyond = action is None or any(
        policy.permits is policy.permits.BEYOND_GRANTS for _, policy in state.published.agents.about(action)
    )
    if action is None or action.tool is None or beyond:
        return (ref.id for ref in state.published.facts.known if ref.type == AGENT)
    name = action.ref.id
    return (ref.id for ref in state.published.facts.grants.of.get(name, {}) if ref.type == AGENT)


def _resources(question: AccessQuestion, state: State) -> set[str]:
    return _known(question.resource.type, state).union(_granted(question, state))


def _known(type_: str, state: State) -> set[str]:
    """The ids of all that is registered of a type: of people the first of their own, of things the foreign one."""
    named = cedar_name(type_)
    people = {EntityRef(named, ref.id): state.directory.shown(ref) for ref in state.directory.people(type_)}
    return {people.get(ref, ref.id) for ref in state.published.facts.known if ref.type == named}


def _granted(question: AccessQuestion, state: State) -> Iterator[str]:
    """What the agent's grants name outright."""
    agent = _agent(question)
    held = state.published.facts.grants.of_holder(cedar_ref(agent)) if agent is not None else {}
    for holdings in held.values():
        for one in holdings:
            type_, _, id_ = one.rule.resource.partition(":")
            if type_ == question.resource.type and not has_wildcard((id_,)):
                yield id_


def _agent(question: AccessQuestion) -> EntityRef | None:
    if question.subject.type == AGENT:
        return EntityRef(AGENT, question.subject.id)
    via = question.context.get("agent")
    return EntityRef(AGENT, via) if isinstance(via, str) else None


def _position(wanted: Wanted, inputs: str) -> tuple[str, int]:
    if wanted.token is None:
        return "", min(PAGE_DEFAULT if wanted.limit is None else wanted.limit, PAGE_LIMIT)
    try:
        said, after, limit = json.loads(base64.urlsafe_b64decode(wanted.token))
    except (ValueError, TypeError):
        raise InvalidValue("page.token is none of ours") from None
    if said != inputs or wanted.limit not in {None, limit} or not isinstance(after, str) or type(limit) is not int:
        raise InvalidValue("page.token belongs to another request: start over")
    return after, max(0, min(limit, PAGE_LIMIT))


def _token(inputs: str, after: str, limit: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([inputs, after, limit]).encode()).decode()
