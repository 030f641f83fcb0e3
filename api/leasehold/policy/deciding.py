"""May this subject do exactly this, now? Pure and total: every question gets an answer, and only a proved yes is one.

Two sides that are never merged. The agent's side: a grant that reaches the call, and the agent policies. The user's
side, for an agent that acts for a person and for a person alone: what that person may do, and the user policies, which
see the agent as `context.via_agent`. Both are evaluated whatever the other says, and both must allow.
"""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason, SideOutcome
from leasehold.model.entities import AGENT, USER, Entity, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.policy.asking import Party, Question, Refused, party_of, query_of, question_of
from leasehold.policy.cedar.evaluation import Query, Verdict
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.values import EvaluationError
from leasehold.policy.holdings import NOTHING, Holding, Refusal, admitting
from leasehold.policy.published import Published, Slice, Standing

# A member of an enumeration costs more to look up than the rest of a line.
_AGENTS, _USERS = PolicySide.AGENT, PolicySide.USER
_GRANTED, _FORBIDDEN = Reason.GRANTED, Reason.FORBIDDEN
_NOTHING_GRANTED, _ARGUMENTS_NOT_GRANTED = Reason.NOTHING_GRANTED, Reason.ARGUMENTS_NOT_GRANTED
_EVALUATION_ERROR, _ENTITY_MISSING = Reason.EVALUATION_ERROR, Reason.ENTITY_MISSING
_made = tuple.__new__  # as in `asking`


@dataclass(frozen=True, slots=True)
class AccessPermit:
    """The subject may do it. Only this room makes one."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class AccessDenied:
    """The subject may not, and why."""

    decision: Decision


def decide(request: AccessRequest, published: Published) -> AccessPermit | AccessDenied:
    """May they? Never raises, never reads a clock."""
    decision = decision_on(request, published)
    return AccessPermit(decision) if decision.reason.allows else AccessDenied(decision)


def decision_on(request: AccessRequest, published: Published) -> Decision:
    """The decision itself."""
    try:
        sides = _sides(request, published)
    except Refused as refused:
        return Decision(refused.reason, (), published.version, refused.detail)
    except (ValueRefused, EvaluationError) as refused:
        return Decision(Reason.SCHEMA_VIOLATION, (), published.version, str(refused))
    except Exception as error:  # noqa: BLE001  total: what nobody thought of is a denial, and says so
        return Decision(Reason.EVALUATION_ERROR, (), published.version, type(error).__name__)
    for side in sides:
        if not side.reason.allows:
            return Decision(side.reason, sides, published.version, side.detail)
    return _made(Decision, (sides[0].reason, sides, published.version, ""))


def _sides(request: AccessRequest, published: Published) -> tuple[SideOutcome, ...]:
    question = question_of(request, published)
    subject, user = request.subject, request.user
    if subject.ref[0] == AGENT:
        if user is None:
            return (agent_side(question, None),)
        return agent_side(question, user.ref), user_side(question, user, subject.ref)
    if user is not None:
        raise Refused(Reason.SCHEMA_VIOLATION, "user: only an agent acts for somebody")
    return (user_side(question, subject, None),)


def agent_side(question: Question, user: EntityRef | None) -> SideOutcome:
    """What the agent's grants and the agent policies say."""
    request, action, _, _, _, published = question
    if action[2] is None:
        return _foreign_side(PolicySide.AGENT, request.subject, question, user, None)
    ref = request.subject.ref
    return _side(_AGENTS, published.agent_standings.find(ref, action), question, ref, user, None)


def user_side(question: Question, user: Entity, via: EntityRef | None) -> SideOutcome:
    """What the person's own permissions and the user policies say."""
    _, action, _, _, _, published = question
    if action[2] is None:
        return _foreign_side(PolicySide.USER, user, question, None, via)
    ref = user.ref
    if ref[0] != USER:
        return SideOutcome(PolicySide.USER, Reason.SCHEMA_VIOLATION, detail="subject: agents and users call tools")
    return _side(_USERS, published.user_standings.find(ref, action), question, ref, None, via)


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


def _side(
    side: PolicySide,
    standing: Standing | None,
    question: Question,
    ref: EntityRef,
    on_behalf_of: EntityRef | None,
    via_agent: EntityRef | None,
) -> SideOutcome:
    if standing is None:
        return SideOutcome(side, Reason.ENTITY_MISSING, detail="subject: not registered")
    if standing.settled is not None:
        return standing.settled
    held, piece = standing.held, standing.piece
    _, _, _, _, evaluate, names, verdict, trial = piece
    admission = admitting(held, question[0]) if held else NOTHING
    if trial is None and verdict is not None:
        outcome = _outcome(side, admission, piece, verdict, None)
        standing.settled = None if held else outcome
        return outcome
    query = query_of(question, _made(Party, (ref, standing.known, on_behalf_of, via_agent)), names)
    would_allow = _trial(admission, trial, query) if trial is not None else None
    return _outcome(side, admission, piece, evaluate(query), would_allow)


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
    query = query_of(question, party, piece.names)
    if published.application is None or not published.application.fits(query):
        return SideOutcome(side, Reason.SCHEMA_VIOLATION, detail="the application's schema has no such question")
    admission = admitting(held, question.request)
    would_allow = _trial(admission, piece.trial, query) if piece.trial is not None else None
    return _outcome(side, admission, piece, piece.evaluate(query), would_allow)


def _outcome(
    side: PolicySide, admission: Holding | Refusal, piece: Slice, verdict: Verdict, would_allow: bool | None
) -> SideOutcome:
    reason, determining = judged(admission, piece, verdict)
    failed: tuple[str, ...] = ()
    detail = ""
    if reason is _ARGUMENTS_NOT_GRANTED:
        detail = f"arguments.{admission[2]}" if isinstance(admission, Refusal) else ""
    elif reason is _EVALUATION_ERROR or reason is _ENTITY_MISSING:
        failed = determining
    elif reason is _NOTHING_GRANTED and side is _USERS:
        reason = Reason.NOT_PERMITTED
    return _made(SideOutcome, (side, reason, determining, failed, would_allow, detail))


def _trial(admission: Holding | Refusal, trial: Slice, query: Query) -> bool:
    return judged(admission, trial, trial.evaluate(query))[0].allows
