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
from leasehold.policy.holdings import Holding, Refusal, admitting
from leasehold.policy.published import Published, SidePolicies, Slice

_FAILED = frozenset({Reason.EVALUATION_ERROR, Reason.ENTITY_MISSING})


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
    return AccessPermit(decision) if decision.allowed else AccessDenied(decision)


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
    return Decision(sides[0].reason, sides, published.version)


def _sides(request: AccessRequest, published: Published) -> tuple[SideOutcome, ...]:
    question = question_of(request, published)
    subject, user = request.subject, request.user
    if subject.ref.type == AGENT:
        if user is None:
            return (agent_side(question, None),)
        return agent_side(question, user.ref), user_side(question, user, subject.ref)
    if user is not None:
        raise Refused(Reason.SCHEMA_VIOLATION, "user: only an agent acts for somebody")
    return (user_side(question, subject, None),)


def agent_side(question: Question, user: EntityRef | None) -> SideOutcome:
    """What the agent's grants and the agent policies say."""
    published = question.published
    try:
        party = party_of(question.request.subject, question, on_behalf_of=user)
    except Refused as refused:
        return SideOutcome(PolicySide.AGENT, refused.reason, detail=refused.detail)
    admission = admitting(published.facts.grants, party.ref, party.known.ancestors, question.request)
    return _side(PolicySide.AGENT, published.agents, question, party, admission)


def user_side(question: Question, user: Entity, via: EntityRef | None) -> SideOutcome:
    """What the person's own permissions and the user policies say."""
    published = question.published
    if question.action.tool is not None and user.ref.type != USER:
        return SideOutcome(PolicySide.USER, Reason.SCHEMA_VIOLATION, detail="subject: agents and users call tools")
    try:
        party = party_of(user, question, via_agent=via)
    except Refused as refused:
        return SideOutcome(PolicySide.USER, refused.reason, detail=refused.detail)
    admission = admitting(published.facts.permissions, party.ref, party.known.ancestors, question.request)
    return _side(PolicySide.USER, published.users, question, party, admission)


def judged(admission: Holding | Refusal, piece: Slice, verdict: Verdict) -> tuple[Reason, tuple[str, ...]]:
    """What grant and policies make together: the reason, and what determined it. What stops comes first."""
    if verdict.disagreed:
        return Reason.ENGINES_DISAGREE, ()
    if verdict.failed:
        return (Reason.ENTITY_MISSING if verdict.missing else Reason.EVALUATION_ERROR), verdict.failed
    if verdict.forbidden:
        return Reason.FORBIDDEN, verdict.forbidden
    return _granted(admission, piece, verdict) if isinstance(admission, Holding) else _beyond(admission, piece, verdict)


def _granted(holding: Holding, piece: Slice, verdict: Verdict) -> tuple[Reason, tuple[str, ...]]:
    if piece.conditions and not verdict.permitted:
        return Reason.CONDITION_NOT_MET, tuple(sorted(piece.conditions))
    return Reason.GRANTED, (f"grant:{holding.grant}", *verdict.permitted)


def _beyond(refusal: Refusal, piece: Slice, verdict: Verdict) -> tuple[Reason, tuple[str, ...]]:
    beyond = tuple(one for one in verdict.permitted if one in piece.beyond)
    if beyond:
        return Reason.PERMITTED, beyond
    return refusal.reason, (f"grant:{refusal.grant}",) if refusal.grant is not None else ()


def _side(
    side: PolicySide, policies: SidePolicies, question: Question, party: Party, admission: Holding | Refusal
) -> SideOutcome:
    piece = policies.slice_of(party.ref, party.known.ancestors, question.action)
    query = query_of(question, party, piece.names)
    application = question.published.application
    if question.action.tool is None and (application is None or not application.fits(query)):
        return SideOutcome(side, Reason.SCHEMA_VIOLATION, detail="the application's schema has no such question")
    reason, determining = judged(admission, piece, piece.evaluate(query))
    would_allow = _trial(admission, piece.trial, query) if piece.trial is not None else None
    if reason.allows:
        return SideOutcome(side, reason, determining, (), would_allow)
    if reason is Reason.NOTHING_GRANTED and side is PolicySide.USER:
        reason = Reason.NOT_PERMITTED
    argument = admission.argument if isinstance(admission, Refusal) else ""
    detail = f"arguments.{argument}" if argument and reason is Reason.ARGUMENTS_NOT_GRANTED else ""
    return SideOutcome(side, reason, determining, determining if reason in _FAILED else (), would_allow, detail)


def _trial(admission: Holding | Refusal, trial: Slice, query: Query) -> bool:
    return judged(admission, trial, trial.evaluate(query))[0].allows
