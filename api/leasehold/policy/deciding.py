"""May this subject do exactly this, now? Pure and total: every question gets an answer, and only a proved yes is one.

Two sides that are never merged. The agent's side: a grant that reaches the call, and the agent policies. The user's
side, for an agent that acts for a person and for a person alone: what that person may do, and the user policies, which
see the agent as `context.via_agent`. Both are evaluated whatever the other says, and both must allow.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason, SideOutcome
from leasehold.model.entities import AGENT, USER, Entity, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.policy.asking import (
    Party,
    Question,
    Refused,
    entities_of,
    party_of,
    query_of,
    question_of,
    user_standing,
)
from leasehold.policy.cedar.evaluation import SILENCE, Parties, Verdict
from leasehold.policy.cedar.known import Lookup
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.values import EvaluationError
from leasehold.policy.foreign import part_of
from leasehold.policy.holdings import NOTHING, Holding, Refusal, admitting
from leasehold.policy.published import Published, Slice, Standing

# A member of an enumeration costs more to look up than the rest of a line.
_AGENTS, _USERS = PolicySide.AGENT, PolicySide.USER
_GRANTED, _FORBIDDEN = Reason.GRANTED, Reason.FORBIDDEN
_NOTHING_GRANTED, _ARGUMENTS_NOT_GRANTED = Reason.NOTHING_GRANTED, Reason.ARGUMENTS_NOT_GRANTED
_EVALUATION_ERROR, _ENTITY_MISSING = Reason.EVALUATION_ERROR, Reason.ENTITY_MISSING
_made = tuple.__new__  # as in `asking`
_UNKNOWN_AGENT, _UNKNOWN_USER = (
    SideOutcome(side, Reason.ENTITY_MISSING, detail="subject: not registered") for side in (_AGENTS, _USERS)
)
_NOT_FOR_OTHERS = "user: only an agent acts for somebody"
_NO_PERSON = SideOutcome(_USERS, Reason.SCHEMA_VIOLATION, detail="subject: agents and users call tools")


class AccessPermit(NamedTuple):
    """The subject may do it. Only this room makes one."""

    decision: Decision


class AccessDenied(NamedTuple):
    """The subject may not, and why."""

    decision: Decision


def decide(request: AccessRequest, published: Published) -> AccessPermit | AccessDenied:
    """May they? Never raises, never reads a clock."""
    decision = decision_on(request, published)
    return cast("AccessPermit", _made(AccessPermit if decision[0].allows else AccessDenied, (decision,)))


def decision_on(request: AccessRequest, published: Published) -> Decision:
    """The decision itself."""
    try:
        question = question_of(request, published)
        sides = _foreign_sides(question) if question[1][0][2] is None else _sides(question, request)
    except Refused as refused:
        return Decision(refused.reason, (), published.version, refused.detail)
    except (ValueRefused, EvaluationError) as refused:
        return Decision(Reason.SCHEMA_VIOLATION, (), published.version, str(refused))
    except Exception as error:  # noqa: BLE001  total: what nobody thought of is a denial, and says so
        return Decision(Reason.EVALUATION_ERROR, (), published.version, type(error).__name__)
    for side in sides:
        if not side[1].allows:
            return _made(Decision, (side[1], sides, published.version, side[5]))
    return _made(Decision, (sides[0][1], sides, published.version, ""))


def _sides(question: Question, request: AccessRequest) -> tuple[SideOutcome, ...]:
    """What each side says of a tool call. Both are asked, whatever the first one says."""
    _, agents, users = question[1]
    ref, user = request.subject.ref, request.user
    if ref[0] != AGENT:
        if user is not None:
            raise Refused(Reason.SCHEMA_VIOLATION, _NOT_FOR_OTHERS)
        if ref[0] != USER:
            return (_NO_PERSON,)
        return (_side(_USERS, users[ref[1]], question, (ref, None, None)),)
    if user is None:
        return (_side(_AGENTS, agents[ref[1]], question, (ref, None, None)),)
    agent, other = _side(_AGENTS, agents[ref[1]], question, (ref, user.ref, None)), user.ref
    if other[0] != USER:
        return agent, _NO_PERSON
    standing = user_standing(user, question.desk, question.published)
    settled = standing.settled if standing is not None else None
    return agent, settled or _side(_USERS, standing, question, (other, None, ref))


def _foreign_sides(question: Question) -> tuple[SideOutcome, ...]:
    subject, user = question.request.subject, question.request.user
    if subject.ref.type == AGENT:
        agent = _foreign_side(_AGENTS, subject, question, user.ref if user is not None else None, None)
        return (agent,) if user is None else (agent, _foreign_side(_USERS, user, question, None, subject.ref))
    if user is not None:
        raise Refused(Reason.SCHEMA_VIOLATION, _NOT_FOR_OTHERS)
    return (_foreign_side(_USERS, subject, question, None, None),)


def judged(admission: Holding | Refusal, piece: Slice, verdict: Verdict) -> tuple[Reason, tuple[str, ...]]:
    """What grant and policies make together: the reason, and what determined it. What stops comes first."""
    permitted, forbidden, failed, missing, disagreed = verdict
    if disagreed:
        return Reason.ENGINES_DISAGREE, ()
    if failed:
        return (_ENTITY_MISSING if missing else _EVALUATION_ERROR), failed
    if forbidden:
        return _FORBIDDEN, forbidden
    if isinstance(admission, Refusal):
        return _beyond(admission, piece, permitted)
    if piece.conditions and not permitted:
        return Reason.CONDITION_NOT_MET, tuple(sorted(piece.conditions))
    return _GRANTED, (f"grant:{admission[1]}", *permitted)


def _beyond(refusal: Refusal, piece: Slice, permitted: tuple[str, ...]) -> tuple[Reason, tuple[str, ...]]:
    if permitted and not piece.beyond.isdisjoint(permitted):
        return Reason.PERMITTED, tuple([one for one in permitted if one in piece.beyond])
    return refusal.reason, (f"grant:{refusal.grant}",) if refusal.grant is not None else ()


def _side(side: PolicySide, standing: Standing | None, question: Question, parties: Parties) -> SideOutcome:
    """What grants and policies say of one side's principal: the first of `parties`."""
    if standing is None:
        return _UNKNOWN_AGENT if side is _AGENTS else _UNKNOWN_USER
    if standing.settled is not None:
        return standing.settled
    call, _, claimed, published = question
    held, piece = standing.held, standing.piece
    admission = admitting(held, call[2]) if held else NOTHING
    if piece.trial is None and piece.always is not None:
        outcome = _outcome(side, admission, piece, piece.always)
        standing.settled = None if held else outcome
        return outcome
    entities: Lookup = published.entities
    user = call[2].user
    if claimed is not None or piece.to_people or (user is not None and user.parents):
        entities = entities_of(question, Party(parties[0], standing.known, parties[1], parties[2]))
    verdict = piece.judge(call, parties, entities)
    if piece.trial is not None:
        trial = _outcome(side, admission, piece.trial, piece.trial.judge(call, parties, entities))
        return _outcome(side, admission, piece, verdict)._replace(would_allow=trial.allowed)
    if verdict is SILENCE and held and admission is held[0] and not piece.conditions:
        if standing.granted is None:
            standing.granted = _outcome(side, admission, piece, verdict)
        return standing.granted
    return _outcome(side, admission, piece, verdict)


def _foreign_side(
    side: PolicySide, entity: Entity, question: Question, on_behalf_of: EntityRef | None, via_agent: EntityRef | None
) -> SideOutcome:
    """Of another application's action. What is said of the subject counts, and the question must be one it knows."""
    published = question.published
    try:
        party = party_of(entity, question, on_behalf_of, via_agent)
    except Refused as refused:
        return SideOutcome(side, refused.reason, detail=refused.detail)
    standings = published.agent_standings if side is PolicySide.AGENT else published.user_standings
    standing = standings.standing(party.ref, party.known, question.action)
    held, piece = standing.held, standing.piece
    query = query_of(question, party)
    if (misfit := part_of(question.action, published).misfit(query)) is not None:
        return SideOutcome(side, Reason.SCHEMA_VIOLATION, detail=misfit)
    admission = admitting(held, question.request)
    outcome, trial = _outcome(side, admission, piece, piece.evaluate(query)), piece.trial
    if trial is None:
        return outcome
    return outcome._replace(would_allow=_outcome(side, admission, trial, trial.evaluate(query)).allowed)


def _outcome(side: PolicySide, admission: Holding | Refusal, piece: Slice, verdict: Verdict) -> SideOutcome:
    if verdict[1] and not verdict[2] and not verdict[4]:  # many denials: there is no more to look at
        return _made(SideOutcome, (side, _FORBIDDEN, verdict[1], (), None, ""))
    reason, determining = judged(admission, piece, verdict)
    failed: tuple[str, ...] = ()
    detail = ""
    if reason is _ARGUMENTS_NOT_GRANTED:
        detail = f"arguments.{admission[2]}" if isinstance(admission, Refusal) else ""
    elif reason is _EVALUATION_ERROR or reason is _ENTITY_MISSING:
        failed = determining
    elif reason is _NOTHING_GRANTED and side is _USERS:
        reason = Reason.NOT_PERMITTED
    return _made(SideOutcome, (side, reason, determining, failed, None, detail))
