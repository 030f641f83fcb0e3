"""Could some call of this tool be allowed to them? What a list shows, before anybody has said on what and with what.

Everything that is known already counts: who calls, for whom and through whom, what they hold, what policies ask of
that. What only the call itself tells (its resource, its arguments, when and from where it comes) is left open, so that
a policy about it makes neither yes nor no.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from cedarpy import pst

from leasehold.model.access_requests import AccessRequest
from leasehold.model.entities import AGENT, USER, Entity, EntityRef
from leasehold.model.patterns import overlap
from leasehold.model.policies import PolicySide
from leasehold.policy.asking import Party, Question, query_of, user_standing
from leasehold.policy.cedar.compiler import expression
from leasehold.policy.cedar.evaluation import Call, Query
from leasehold.policy.cedar.folding import condition_of
from leasehold.policy.cedar.reading import children
from leasehold.policy.holdings import Holding
from leasehold.policy.published import Policy, Published, Standing

OBLIGATION = "obligation"
"""The annotation of a policy that asks something of whoever enforces the decision (AuthZEN)."""
_OPEN = frozenset({"input", "caller", "source_ip", "now", "weekday"})
"""What of the context another call may say otherwise."""
_OPEN_UNTIL_ISSUED = _OPEN | {"deployment", "oauth"}
"""The same, as long as there is no token."""


class _Asked(NamedTuple):
    """A question, and what of its context is not known yet."""

    query: Query
    open: frozenset[str] = _OPEN


class Truth(Enum):
    """What is known of a condition. `FAILS`: it cannot be evaluated, whatever the call."""

    YES = auto()
    NO = auto()
    OPEN = auto()
    FAILS = auto()


def could_allow(request: AccessRequest, pattern: str, published: Published, *, complies: bool = True) -> bool:
    """True unless every call of the request's tool on resources of this pattern is denied, whatever else it says.

    The request's own resource and arguments are not looked at. Who `complies` with no obligation is denied what comes
    with one: a permit that asks for it lets nothing through.
    """
    desk = published.desks.get(request.action)
    if desk is None or desk.action.tool is None:
        return False
    call = Call(desk.action.ref, EntityRef(pattern.partition(":")[0], ""), request, desk.action.facts, {}, None, None)
    question = Question(call, desk, None, published)
    agents, user = desk.agents[request.subject.ref.id], request.user
    if agents is None or not _side(PolicySide.AGENT, question, agents, pattern, complies=complies):
        return False
    if user is None:
        return True
    users = user_standing(user, desk, published)
    return users is not None and _side(PolicySide.USER, question, users, pattern, complies=complies)


def never_allowed(agent: str, action: str, published: Published, at: datetime) -> bool:
    """True if no call of the action is allowed to the agent: not for itself, and for nobody who is registered."""
    known = published.facts.known
    people = (Entity(ref=ref) for ref in known if ref.type == USER)
    subject, place = Entity(ref=EntityRef(AGENT, agent)), Entity(ref=EntityRef("", ""))
    held = {one.rule.resource for one in published.facts.grants.of.get(action, {}).get(subject.ref, ())}
    asked = (AccessRequest(subject=subject, action=action, resource=place, at=at, user=one) for one in (None, *people))
    return not any(could_allow(one, pattern, published) for one in asked for pattern in held or {":*"})


def policies_on(request: AccessRequest, published: Published) -> frozenset[str] | None:
    """The names of the policies that have a say on calls of the request's tool; None if they deny every call of it.

    Grants and permissions are not looked at, nor what only a token or a call tells. Whoever no policy can judge, where
    there are some about the tool, is denied every call.
    """
    desk = published.desks.get(request.action)
    if desk is None or desk.action.tool is None:
        return None
    resource = EntityRef(request.resource.ref.type, "")
    question = Question(
        Call(desk.action.ref, resource, request, desk.action.facts, {}, None, None), desk, None, published
    )
    standings = {PolicySide.AGENT: desk.agents[request.subject.ref.id]}
    if request.user is not None and any(True for _ in published.users.about(desk.action)):
        standings[PolicySide.USER] = user_standing(request.user, desk, published)
    named: set[str] = set()
    for side, standing in standings.items():
        if standing is None or _denies_all(side, question, standing):
            return None
        named.update(one.statement.id.partition("/")[0] for one in standing.piece.policies)
    return frozenset(named)


def _denies_all(side: PolicySide, question: Question, standing: Standing) -> bool:
    asked = _Asked(query_of(question, _party(side, question, standing)), _OPEN_UNTIL_ISSUED)
    truths = _truths(standing, asked)
    if any(_stops(one, truth) for one, truth in truths):
        return True
    conditions = standing.piece.conditions if side is PolicySide.AGENT else frozenset()
    return bool(conditions) and not conditions & _possible(truths)


def _side(side: PolicySide, question: Question, standing: Standing, pattern: str, *, complies: bool) -> bool:
    piece = standing.piece
    truths = _truths(standing, _Asked(query_of(question, _party(side, question, standing))))
    if any(_stops(one, truth) for one, truth in truths):
        return False
    owing = [one for one in truths if not complies and OBLIGATION in one[0].statement.annotations]
    owed = {one.statement.id for one, truth in owing if truth is Truth.YES}  # whatever else lets it through
    possible = _possible(truths) - {one.statement.id for one, _ in owing}
    granted = not owed and (not piece.conditions or piece.conditions & possible)
    if granted and any(_fits(one, question.request, pattern) for one in standing.held):
        return True
    return bool(piece.beyond & possible) and not piece.beyond & owed


def _truths(standing: Standing, asked: _Asked) -> list[tuple[Policy, Truth]]:
    return [(one, _truth(condition_of(one.statement.template), asked)) for one in standing.piece.policies]


def _possible(truths: Iterable[tuple[Policy, Truth]]) -> set[str]:
    """The permits that could hold."""
    return {one.statement.id for one, truth in truths if truth is not Truth.NO and one.statement.permits}


def _party(side: PolicySide, question: Question, standing: Standing) -> Party:
    agent, user = question.request.subject.ref, question.request.user
    if side is PolicySide.AGENT:
        return Party(agent, standing.known, on_behalf_of=user.ref if user is not None else None)
    assert user is not None  # noqa: S101  a side of a person has one
    return Party(user.ref, standing.known, via_agent=agent)


def _stops(policy: Policy, truth: Truth) -> bool:
    """A forbid that holds whatever the call, or any policy that fails whatever the call."""
    return truth is Truth.FAILS or (truth is Truth.YES and not policy.statement.permits)


def _fits(holding: Holding, request: AccessRequest, pattern: str) -> bool:
    expires_at = holding.rule.expires_at
    return (expires_at is None or request.at < expires_at) and overlap(holding.rule.resource, pattern)


def _truth(of: pst.Expr, asked: _Asked) -> Truth:
    if not _is_open(of, asked.open):
        return _evaluated(of, asked.query)
    match of:
        case pst.BinaryOp("and" | "or" as op):
            return _pair(op, _truth(of.left, asked), of.right, asked)
        case pst.UnaryOp("not", inner):
            return _NOT[_truth(inner, asked)]
        case pst.IfThenElse(condition, then, otherwise):
            return _choice(_truth(condition, asked), then, otherwise, asked)
        case _:
            return Truth.OPEN


def _pair(op: str, left: Truth, right: pst.Expr, asked: _Asked) -> Truth:
    """Cedar's short circuit: the right side is looked at only if the left does not settle it."""
    settles, passes = (Truth.NO, Truth.YES) if op == "and" else (Truth.YES, Truth.NO)
    if left in {settles, Truth.FAILS}:
        return left
    behind = _truth(right, asked)
    if left is passes:
        return behind
    return settles if behind is settles else Truth.OPEN


def _choice(condition: Truth, then: pst.Expr, otherwise: pst.Expr, asked: _Asked) -> Truth:
    match condition:
        case Truth.YES:
            return _truth(then, asked)
        case Truth.NO:
            return _truth(otherwise, asked)
        case Truth.FAILS:
            return Truth.FAILS
        case _:
            either = {_truth(then, asked), _truth(otherwise, asked)}
            return either.pop() if len(either) == 1 else Truth.OPEN


_NOT = {Truth.YES: Truth.NO, Truth.NO: Truth.YES, Truth.OPEN: Truth.OPEN, Truth.FAILS: Truth.FAILS}


def _evaluated(of: pst.Expr, query: Query) -> Truth:
    try:
        value = expression(of)(query)
    except Exception:  # noqa: BLE001  whatever stops the engine stops the policy
        return Truth.FAILS
    return _BOOLEANS.get(value, Truth.FAILS) if isinstance(value, bool) else Truth.FAILS


_BOOLEANS = {True: Truth.YES, False: Truth.NO}


def _is_open(of: pst.Expr, names: frozenset[str]) -> bool:
    match of:
        case pst.Var("resource"):
            return True
        case pst.GetAttr(pst.Var("context"), name):
            return name in names
        case pst.HasAttr(pst.Var("context"), (name, *_)):
            return name in names
        case pst.Var("context"):
            return True
        case _:
            return any(_is_open(one, names) for one in children(of))
