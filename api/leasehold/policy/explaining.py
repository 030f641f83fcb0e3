"""Why: every policy that had a say, where it stands, which of its conditions held; and whether asking makes sense."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cedarpy
from cedarpy import pst

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason
from leasehold.model.entities import AGENT
from leasehold.model.policies import PolicyMode, PolicySide
from leasehold.policy.asking import Party, Question, Refused, party_of, query_of, question_of
from leasehold.policy.cedar.compiler import expression
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.folding import condition_of
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.values import EvaluationError
from leasehold.policy.deciding import decision_on
from leasehold.policy.published import Policy, Published

_LITERAL = re.compile(r'("(?:[^"\\]|\\.)*")')
_PATH = re.compile(r"(?<!\w)\(([A-Za-z_]\w*(?:\.\w+)*)\)", re.ASCII)
_FRAME = "permit(principal, action, resource) when { "
GRANTABLE = frozenset(
    {
        *(Reason.NOTHING_GRANTED, Reason.NOT_PERMITTED, Reason.GRANT_EXPIRED),
        *(Reason.RESOURCE_NOT_GRANTED, Reason.ARGUMENTS_NOT_GRANTED),
    }
)
_BY_POLICY = frozenset({Reason.FORBIDDEN, Reason.CONDITION_NOT_MET})


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One thing that a policy asks, in Cedar's words. `held` is None if it could not be evaluated."""

    text: str
    held: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTrace:
    """One policy that had a say. `applied`: all its conditions held. `line` counts in the document named."""

    id: str
    side: PolicySide
    document: str
    line: int
    permits: bool
    enforced: bool
    applied: bool | None
    conditions: tuple[ConditionTrace, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision again, with every policy that had a say. `requestable`: asking a human could change it."""

    decision: Decision
    policies: tuple[PolicyTrace, ...]
    requestable: bool

    @property
    def failing(self) -> tuple[PolicyTrace, ...]:
        """The policies that made it a denial."""
        determining = {one for side in self.decision.sides if not side.allowed for one in side.determining}
        return tuple(trace for trace in self.policies if trace.id in determining)


def explain(request: AccessRequest, published: Published) -> Explanation:
    """Why the request is decided as it is. Total, as the decision is."""
    decision = decision_on(request, published)
    try:
        question = question_of(request, published)
        traces = tuple(trace for side, party in parties(question) for trace in _traces(side, party, question))
    except (Refused, ValueRefused, EvaluationError):
        return Explanation(decision, (), requestable=False)
    return Explanation(decision, traces, requestable(decision, published))


def parties(question: Question) -> Iterator[tuple[PolicySide, Party]]:
    """The sides that the question has, with the party of each; a side whose party nobody knows is left out."""
    request = question.request
    agent = request.subject.ref if request.subject.ref.type == AGENT else None
    if agent is not None:
        user = request.user.ref if request.user is not None else None
        yield from _party(PolicySide.AGENT, lambda: party_of(request.subject, question, on_behalf_of=user))
    person = request.subject if agent is None else request.user
    if person is not None:
        yield from _party(PolicySide.USER, lambda: party_of(person, question, via_agent=agent))


def policies_of(side: PolicySide, party: Party, question: Question) -> tuple[Policy, ...]:
    """Every policy of the side that has a say in the question, log-only ones included."""
    published = question.published
    index = published.agents if side is PolicySide.AGENT else published.users
    piece = index.slice_of(party.ref, party.known.ancestors, question.action)
    return piece.trial.policies if piece.trial is not None else piece.policies


def conjuncts(of: pst.Expr) -> Iterator[pst.Expr]:
    """What an expression asks, one by one."""
    if isinstance(of, pst.BinaryOp) and of.op == "and":
        yield from conjuncts(of.left)
        yield from conjuncts(of.right)
    else:
        yield of


def text_of(of: pst.Expr) -> str:
    """The expression as Cedar writes it."""
    scope = pst.ScopeAny()
    template = pst.Template("one", "permit", scope, scope, scope, (pst.When(of),), {})
    written = str(cedarpy.PolicySet.from_pst(pst.PolicySet({}, {"one": template}, ())))
    return _unbraced(written.strip().removeprefix(_FRAME).removesuffix(" };"))


def truth_of(of: pst.Expr, query: Query) -> bool | None:
    """Whether the expression is true; None if it cannot be evaluated."""
    try:
        return expression(pst.BinaryOp("and", pst.BoolLit(value=True), of))(query) is True
    except Exception:  # noqa: BLE001  as in a decision: whatever stops the engine stops the policy
        return None


def _unbraced(written: str) -> str:
    """Without the parentheses that Cedar writes around every path."""
    pieces = _LITERAL.split(written)
    for at in range(0, len(pieces), 2):  # the others are literals
        before = ""
        while before != pieces[at]:
            before, pieces[at] = pieces[at], _PATH.sub(r"\1", pieces[at])
    return "".join(pieces)


def _party(side: PolicySide, make: Callable[[], Party]) -> Iterator[tuple[PolicySide, Party]]:
    try:
        yield side, make()
    except Refused:
        return


def _traces(side: PolicySide, party: Party, question: Question) -> Iterator[PolicyTrace]:
    query = query_of(question, party)
    for policy in policies_of(side, party, question):
        statement = policy.statement
        conditions = tuple(_conditions(statement.template, query))
        held = [one.held for one in conditions]
        yield PolicyTrace(
            id=statement.id,
            side=side,
            document=statement.document,
            line=statement.line,
            permits=statement.permits,
            enforced=policy.mode is PolicyMode.ENFORCE,
            applied=None if None in held and False not in held else all(held),
            conditions=conditions,
            advice=statement.annotations.get("advice", ""),
        )


def _conditions(template: pst.Template, query: Query) -> Iterator[ConditionTrace]:
    for part in conjuncts(condition_of(template)):
        yield ConditionTrace(text_of(part), truth_of(part, query))


def requestable(decision: Decision, published: Published) -> bool:
    """True if every side that denies lacks no more than what can be asked for."""
    denying = [side for side in decision.sides if not side.allowed]
    if not denying:
        return False
    return all(
        side.reason in GRANTABLE or (side.reason in _BY_POLICY and _all_requestable(side.determining, published))
        for side in denying
    )


def _all_requestable(ids: tuple[str, ...], published: Published) -> bool:
    return all("requestable" in published.policies[one].statement.annotations for one in ids)
