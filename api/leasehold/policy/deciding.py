"""May this subject do exactly this, now? Pure and total: every question gets an answer, and only a proved yes is one.

Two sides that are never merged. The agent's side: a grant that reaches the call, and the agent policies. The user's
side, for an agent that acts for a person and for a person alone: what that person may do, and the user policies, which
see the agent as `context.via_agent`. Both are evaluated whatever the other says, and both must allow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason, Side, SideOutcome
from leasehold.model.entities import AGENT, Entity, EntityRef
from leasehold.policy.cedar.evaluation import SILENCE, Query, Verdict
from leasehold.policy.cedar.known import Known, Lookup, Overlay, named
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.naming import cedar_ref
from leasehold.policy.cedar.values import EvaluationError, Network, Value, moment_of, network, set_of
from leasehold.policy.cedar.vocabulary import relation_ref
from leasehold.policy.holdings import NOTHING, Holding, Holdings, Refusal, admitting
from leasehold.policy.published import ActionFacts, Published, Slice

_NO_ONE: frozenset[EntityRef] = frozenset()
_UNKNOWN = Known({}, _NO_ONE)


@dataclass(frozen=True, slots=True)
class AccessPermit:
    """The subject may do it. Only this room makes one."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class AccessDenied:
    """The subject may not, and why."""

    decision: Decision


class _Refused(Exception):
    """The question cannot be asked so."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail


class Question(NamedTuple):
    """A request in typed values, as far as both sides share it."""

    request: AccessRequest
    action: ActionFacts
    resource: EntityRef
    resource_text: str
    resource_known: Known | None
    context: dict[str, Value]


def decide(request: AccessRequest, published: Published) -> AccessPermit | AccessDenied:
    """May they? Never raises, never reads a clock."""
    decision = decision_on(request, published)
    return AccessPermit(decision) if decision.allowed else AccessDenied(decision)


def decision_on(request: AccessRequest, published: Published) -> Decision:
    """The decision itself."""
    try:
        return _decision(request, published)
    except _Refused as refused:
        return Decision(refused.reason, (), published.version, refused.detail)
    except (ValueRefused, EvaluationError) as refused:
        return Decision(Reason.SCHEMA_VIOLATION, (), published.version, str(refused))
    except Exception as error:  # noqa: BLE001  total: what nobody thought of is a denial, and says so
        return Decision(Reason.EVALUATION_ERROR, (), published.version, type(error).__name__)


def _decision(request: AccessRequest, published: Published) -> Decision:
    question = question_of(request, published)
    sides: tuple[SideOutcome, ...]
    if request.subject.ref.type != AGENT:
        if request.user is not None:
            raise _Refused(Reason.SCHEMA_VIOLATION, "user: only an agent acts for somebody")
        sides = (user_side(question, request.subject, None, published),)
    elif request.user is None:
        sides = (agent_side(question, published),)
    else:
        sides = agent_side(question, published), user_side(question, request.user, request.subject.ref, published)
    for side in sides:
        if not side.allowed:
            return Decision(side.reason, sides, published.version, side.detail)
    return Decision(sides[0].reason, sides, published.version)


def question_of(request: AccessRequest, published: Published) -> Question:
    """The request, typed. Raises for what the schema does not know."""
    action = published.actions.get(request.action)
    if action is None:
        raise _Refused(Reason.UNKNOWN_ACTION, "action: no tool server and no application has it")
    resource = cedar_ref(request.resource.ref)
    context = _foreign_context(request) if action.arguments is None else _tool_context(request, action, published)
    known = _claimed(request.resource, resource, action, published)
    return Question(request, action, resource, f"{request.resource.ref.type}:{request.resource.ref.id}", known, context)


def agent_side(question: Question, published: Published) -> SideOutcome:
    """What the agent's grants and the agent policies say."""
    request = question.request
    ref = cedar_ref(request.subject.ref)
    known = published.facts.known.get(ref)
    if known is None:
        return SideOutcome(Side.AGENT, Reason.ENTITY_MISSING, detail="subject: no such agent")
    context = question.context
    if request.user is not None and question.action.tool is not None:
        context = {**context, "on_behalf_of": cedar_ref(request.user.ref)}
    holdings = _holdings(published.facts.grants, ref, known, request.action)
    admission = admitting(holdings, question.resource_text, request.arguments, request.at) if holdings else NOTHING
    return _side(Side.AGENT, question, ref, known, context, admission, published)


def user_side(question: Question, user: Entity, via: EntityRef | None, published: Published) -> SideOutcome:
    """What the person's own permissions and the user policies say."""
    ref = cedar_ref(user.ref)
    registered = published.facts.known.get(ref)
    known = _with_claims(registered, user, question.action)
    if known is None:
        return SideOutcome(Side.USER, Reason.ENTITY_MISSING, detail="subject: nobody knows them")
    context = question.context
    if via is not None and question.action.tool is not None:
        context = {**context, "via_agent": via}
    request = question.request
    holdings = _holdings(published.facts.permissions, ref, known, request.action)
    admission = admitting(holdings, question.resource_text, request.arguments, request.at) if holdings else NOTHING
    return _side(Side.USER, question, ref, known, context, admission, published)


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


def _side(  # noqa: PLR0913, PLR0917  what two sides have in common
    side: Side,
    question: Question,
    ref: EntityRef,
    known: Known,
    context: dict[str, Value],
    admission: Holding | Refusal,
    published: Published,
) -> SideOutcome:
    policies = published.agents if side is Side.AGENT else published.users
    piece = policies.slice_of(ref, known.ancestors, question.action)
    query = query_of(question, ref, known, context, published)
    application = published.application
    if question.action.tool is None and (application is None or not application.fits(query)):
        return SideOutcome(side, Reason.SCHEMA_VIOLATION, detail="the application's schema has no such question")
    reason, determining = judged(admission, piece, SILENCE if piece.evaluate is None else piece.evaluate(query))
    if side is Side.USER and reason is Reason.NOTHING_GRANTED:
        reason = Reason.NOT_PERMITTED
    failed = determining if reason in {Reason.EVALUATION_ERROR, Reason.ENTITY_MISSING} else ()
    detail = ""
    if reason is Reason.ARGUMENTS_NOT_GRANTED and isinstance(admission, Refusal):
        detail = f"arguments.{admission.argument}"
    if piece.trial is None:
        return SideOutcome(side, reason, determining, failed, None, detail)
    return SideOutcome(side, reason, determining, failed, _trial(admission, piece.trial, query), detail)


def _trial(admission: Holding | Refusal, trial: Slice, query: Query) -> bool:
    assert trial.evaluate is not None  # noqa: S101  a trial holds a log-only policy at least
    return judged(admission, trial, trial.evaluate(query))[0].allows


def query_of(
    question: Question, ref: EntityRef, known: Known, context: dict[str, Value], published: Published
) -> Query:
    """The question of one side, in Cedar's terms."""
    action, resource = question.action, question.resource
    own: dict[EntityRef, Known] = {}
    if published.entities.get(ref) is not known:
        own[ref] = known
    if question.resource_known is not None:
        own[resource] = question.resource_known
    if resource.type in published.vocabulary.relations:
        for one in (ref, *(context[name] for name in _PARTIES if name in context)):
            if isinstance(one, EntityRef):
                own[one] = _related(one, own.get(one) or published.entities.get(one) or _UNKNOWN, resource, published)
    entities: Lookup = Overlay(own, published.entities) if own else published.entities
    return Query(ref, action.ref, resource, context, entities)


_PARTIES = ("on_behalf_of", "via_agent")


def _related(ref: EntityRef, known: Known, resource: EntityRef, published: Published) -> Known:
    """The same, in the relations to the resource that they have, themselves or by what they are in."""
    held = published.facts.relations.held(known.ancestors | {ref}, resource)
    return known._replace(ancestors=known.ancestors | {relation_ref(resource, name) for name in held})


def _claimed(entity: Entity, ref: EntityRef, action: ActionFacts, published: Published) -> Known | None:
    """The resource with the caller's claims and its relations; None where there are neither."""
    registered = published.facts.known.get(ref)
    relations = published.vocabulary.relations.get(ref.type)
    if not entity.attributes and relations is None:
        return None
    known = registered or _UNKNOWN
    claims = _claims(entity, ref, action, published) if entity.attributes else {}
    to = {name: relation_ref(ref, name) for name in relations or ()}
    return Known({**claims, **known.attributes, **to}, known.ancestors)


def _claims(entity: Entity, ref: EntityRef, action: ActionFacts, published: Published) -> dict[str, Value]:
    if action.tool is None:
        return {name: named(value) for name, value in entity.attributes.items()}
    mapper = published.properties.get(ref.type)
    mapped = mapper(entity.attributes) if mapper is not None else {}
    assert isinstance(mapped, dict)  # noqa: S101  a record's mapper makes records
    return mapped


def _with_claims(registered: Known | None, user: Entity, action: ActionFacts) -> Known | None:
    """A person as registered. Another application's caller may bring subjects, and say of them what is not known."""
    if action.tool is not None or not user.attributes:
        return registered
    claims = {name: named(value) for name, value in user.attributes.items()}
    known = registered or _UNKNOWN
    return Known({**claims, **known.attributes}, known.ancestors)


def _holdings(holdings: Holdings, ref: EntityRef, known: Known, action: str) -> tuple[Holding, ...]:
    """What the holder itself has been granted, and everything that it is in."""
    own = holdings.get(ref)
    found = own.get(action, ()) if own is not None else ()
    for group in known.ancestors:
        held = holdings.get(group)
        if held is not None:
            found += held.get(action, ())
    return found


def _foreign_context(request: AccessRequest) -> dict[str, Value]:
    if request.arguments:
        raise _Refused(Reason.SCHEMA_VIOLATION, "arguments: only a tool takes them")
    return {name: named(value) for name, value in request.context.items()}


def _tool_context(request: AccessRequest, action: ActionFacts, published: Published) -> dict[str, Value]:
    assert action.arguments is not None and action.facts is not None  # noqa: S101, PT018  every tool has both
    context: dict[str, Value] = {
        "input": action.arguments(request.arguments),
        "tool": action.facts,
        "now": moment_of(request.at),
        "weekday": request.at.isoweekday(),
        "depth": len(request.chain),
        "chain": set_of(EntityRef(AGENT, name) for name in request.chain),
    }
    if request.source is not None:
        context["source_ip"] = _address(request.source)
    if request.oauth is not None:
        status = request.oauth
        context["oauth"] = {"mode": status.mode.value, "scopes": set_of(status.scopes), "consent": status.consent}
    if request.deployment is not None:
        context["deployment"] = request.deployment
    if request.context:
        context["caller"] = published.caller(request.context)
    return context


@lru_cache(maxsize=4096)
def _address(text: str) -> Network:
    try:
        found = network(text)
    except EvaluationError:
        raise _Refused(Reason.SCHEMA_VIOLATION, "source: not an IP address") from None
    if found.prefix != found.bits:
        raise _Refused(Reason.SCHEMA_VIOLATION, "source: a network, not an address")
    return found
