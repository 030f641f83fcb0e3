"""Decisions that nobody acts on: tables of cases, and what was decided before, on policies as they would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from leasehold.decisions.answering import decided_on
from leasehold.decisions.assembling import State
from leasehold.decisions.checking import Reader
from leasehold.decisions.ports import Store, Vault
from leasehold.decisions.questions import AccessQuestion, opening_of, request_of
from leasehold.decisions.records import remembered
from leasehold.model.decision_records import SealedQuestion
from leasehold.model.decisions import Decision, Reason
from leasehold.model.errors import FieldError, InvalidBody, InvalidValue, LeaseholdError
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy
from leasehold.model.tools import ToolServer
from leasehold.policy.cedar.statements import DocumentRefused
from leasehold.policy.changing import smallest_change
from leasehold.policy.deciding import decision_on
from leasehold.policy.decision import Permit
from leasehold.policy.material import text_of
from leasehold.policy.publishing import publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of a decision table. `at` None is now; `reason` and `policy` None are not asked for."""

    name: str
    question: AccessQuestion
    allow: bool
    reason: str | None = None
    policy: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a case; `complaint` is empty if it is as expected.

    `change` of arguments would let an unexpected denial pass, where one is found.
    """

    case: Case
    decision: Decision
    complaint: str
    change: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """Policies as they would be: these written, those deleted."""

    written: Mapping[str, Policy] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Flip:
    """A decision that would be another."""

    id: str
    at: datetime
    question: AccessQuestion
    before: Reason
    after: Decision


@dataclass(frozen=True, slots=True)
class Replay:
    """What the newest decisions on record would be. `unreadable` were sealed by another key."""

    replayed: int
    unreadable: int
    flips: Sequence[Flip]
    counts: Mapping[str, int]


def changed_state(state: State, changed: Changed, reader: Reader) -> State:
    """The state with other policies. Raises `InvalidBody`, with the lines, if those cannot be published."""
    if not changed.written and not changed.deleted:
        return state
    # INVARIANT: the reader sees a document before the engine does: it alone bounds how deep one nests.
    servers = state.seen.of(Kind.TOOL_SERVERS, ToolServer)
    read = {name: reader.check(name, policy, servers) for name, policy in changed.written.items()}
    if errors := [
        FieldError(f"policies.{name}", one.message, one.line) for name, found in read.items() for one in found
    ]:
        raise InvalidBody(errors)
    gone = changed.deleted | changed.written.keys()
    texts = [one for one in state.published.texts if one.name not in gone]
    living = frozenset(one.name for one in texts)
    texts += [text_of(name, policy) for name, policy in changed.written.items()]
    facts, engine, as_of = state.published.facts, state.published.engine, f"{state.sequence}?"
    try:
        published = publish(texts, facts, engine, as_of=as_of, living=living)
    except DocumentRefused as refused:
        errors = [FieldError(f"policies.{one.document}", one.message, one.line) for one in refused.problems]
        raise InvalidBody(errors) from None
    return replace(state, published=published)


def try_cases(cases: Iterable[Case], state: State, now: datetime) -> Iterator[Tried]:
    """Each case decided. Nothing is recorded."""
    for case in cases:
        decided = decided_on(case.question, state, case.at or now)
        complaint = _complaint(case, decided.decision)
        stuck = case.allow and not decided.decision.allowed
        change = smallest_change(decided.request, state.published) if stuck and decided.request else None
        yield Tried(case, decided.decision, complaint, change)


def replay(store: Store, vault: Vault, _permit: Permit, state: State, limit: int) -> Replay:
    """The newest decisions on record, decided again. Raises `Unavailable`."""
    with store.read() as unit:
        questions = unit.questions.latest(limit)
    flips: list[Flip] = []
    counts: Counter[str] = Counter()
    unreadable = 0
    for one in questions:
        try:
            flip = _flip(one, vault, state)
        except LeaseholdError:
            unreadable += 1
            continue
        if flip is not None:
            flips.append(flip)
            counts["allowed" if flip.after.allowed else "denied"] += 1
    return Replay(len(questions) - unreadable, unreadable, flips, counts)


def _flip(sealed: SealedQuestion, vault: Vault, state: State) -> Flip | None:
    was = remembered(vault.unseal(sealed.sealed, sealed.id))
    decision = decided_again(was.question, state, sealed.at)
    if decision.allowed is was.reason.allows:
        return None
    return Flip(sealed.id, sealed.at, was.question, was.reason, decision)


def decided_again(question: AccessQuestion, state: State, at: datetime) -> Decision:
    """The decision on a question as of then, in this state; what it cannot be understood as is denied."""
    try:
        opening = opening_of(question, state, at)
        return opening if opening is not None else decision_on(request_of(question, state, at), state.published)
    except InvalidValue as error:
        return Decision(Reason.SCHEMA_VIOLATION, (), state.published.version, str(error))


def _complaint(case: Case, decision: Decision) -> str:
    if decision.allowed is not case.allow:
        return f"expected {_word(case.allow)}, decided {_word(decision.allowed)} ({decision.reason.value})"
    if case.reason is not None and case.reason != decision.reason.value:
        return f"expected reason {case.reason}, got {decision.reason.value}"
    determining = {id_ for side in decision.sides for id_ in side.determining}
    if case.policy is not None and case.policy not in determining:
        return f"expected {case.policy} to determine it, and it did not"
    return ""


def _word(allowed: bool) -> str:
    return "allow" if allowed else "deny"
