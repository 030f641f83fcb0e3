"""Answers questions: decided on one current state, recorded, and only then told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from leasehold.decisions.asking import NOTHING_TO_ASK, Asking, asking_of
from leasehold.decisions.assembling import State
from leasehold.decisions.current import Current
from leasehold.decisions.obligations import obligations_of
from leasehold.decisions.questions import AccessQuestion, NoQuestion, opening_of, request_of
from leasehold.decisions.recording import Recorder
from leasehold.decisions.records import Decided, new_id
from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason
from leasehold.model.errors import InvalidValue
from leasehold.model.tools import Action
from leasehold.policy.deciding import decision_on
from leasehold.policy.decision import Permit

NOT_CURRENT = Decision(Reason.NOT_CURRENT, (), "")


class Semantic(StrEnum):
    """How far several questions are answered (AuthZEN 1.0, "Evaluations Semantics")."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"

    def ends_with(self, *, allowed: bool) -> bool:
        """True if nothing behind this answer is asked any more."""
        if self is Semantic.EXECUTE_ALL:
            return False
        return allowed is (self is Semantic.PERMIT_ON_FIRST_PERMIT)


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, by the id under which it can be explained, and the change of the registry that it knew."""

    id: str
    decision: Decision
    sequence: int
    obligations: Sequence[Mapping[str, object]] = ()
    asking: Asking = NOTHING_TO_ASK


class Answering:
    """The decision point. `clock` tells the time, aware UTC."""

    def __init__(self, current: Current, recorder: Recorder, clock: Callable[[], datetime]) -> None:
        self._current, self._recorder, self._clock = current, recorder, clock

    async def answer(self, permit: Permit, question: AccessQuestion, lease: str | None = None) -> Answer:
        """One answer, recorded; with the lease that the caller holds, where a door knows it. Raises `Unavailable`."""
        now = self._clock()
        state = self._current.state(now)
        decided = decided_on(question, state, now)
        if lease is not None:
            decided = replace(decided, lease=lease)
        await self._recorder.record(permit, (decided,))
        return _answer(decided, state)

    async def answer_all(
        self, permit: Permit, questions: Sequence[AccessQuestion | NoQuestion], semantic: Semantic
    ) -> list[Answer | NoQuestion]:
        """One answer each, on one state, in order, until the semantic ends it. Raises `Unavailable`."""
        now = self._clock()
        state = self._current.state(now)
        decided: list[Decided | NoQuestion] = []
        for question in questions:
            one = question if isinstance(question, NoQuestion) else decided_on(question, state, now)
            decided.append(one)
            if semantic.ends_with(allowed=not isinstance(one, NoQuestion) and one.decision.allowed):
                break
        await self._recorder.record(permit, [one for one in decided if isinstance(one, Decided)])
        return [one if isinstance(one, NoQuestion) else _answer(one, state) for one in decided]


def decided_on(question: AccessQuestion, state: State | None, now: datetime) -> Decided:
    """The decision on a question. Without a current state: no."""
    id_ = new_id(now)
    if state is None:
        return Decided(id=id_, question=question, request=None, decision=NOT_CURRENT, at=now, durable=False)
    try:
        opening = opening_of(question, state, now)
        if opening is not None:
            return Decided(id=id_, question=question, request=None, decision=opening, at=now, durable=False)
        request = request_of(question, state, now)
    except InvalidValue as error:
        decision = Decision(Reason.SCHEMA_VIOLATION, (), state.published.version, str(error))
        return Decided(id=id_, question=question, request=None, decision=decision, at=now, durable=False)
    return decided_as(question, request, state, now, id_=id_)


def decided_as(
    question: AccessQuestion,
    request: AccessRequest,
    state: State,
    now: datetime,
    *,
    id_: str | None = None,
    lease: str | None = None,
) -> Decided:
    """The decision on a question that was read already; `lease` is what the caller holds, where a door knows it."""
    decision = decision_on(request, state.published)
    durable = decision.allowed and not _only_reads(request.action, state)
    return Decided(
        id=id_ or new_id(now),
        question=question,
        request=request,
        decision=decision,
        at=now,
        durable=durable,
        lease=lease,
    )


def _answer(decided: Decided, state: State | None) -> Answer:
    if state is None:
        return Answer(decided.id, decided.decision, 0)
    owed = obligations_of(decided.decision, state.published)
    if decided.decision.allowed:
        return Answer(decided.id, decided.decision, state.sequence, owed)
    asking = asking_of(decided.request, decided.decision, state.published)
    return Answer(decided.id, decided.decision, state.sequence, owed, asking)


def _only_reads(action: str, state: State) -> bool:
    tool = state.published.actions[action].tool
    return tool is not None and tool.action is Action.READ
