"""Which resources of a type: a decision with everything known but the resource, as a predicate on rows, and as JSON.

Both sides are kept apart here too: a row passes if every side lets it pass. A row on which a policy cannot be evaluated
does not pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import cedarpy
from cedarpy import pst

from leasehold.model.access_requests import AccessRequest
from leasehold.model.authority.constraints import admits
from leasehold.model.decisions import Reason
from leasehold.model.entities import Entity
from leasehold.model.patterns import covers
from leasehold.model.policies import PolicySide
from leasehold.policy.asking import Party, Question, Refused, query_of, question_of
from leasehold.policy.cedar.compiler import expression
from leasehold.policy.cedar.evaluation import Query
from leasehold.policy.cedar.folding import condition_of, folded
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.values import EvaluationError
from leasehold.policy.explaining import parties
from leasehold.policy.published import Published

_TRUE, _FALSE = pst.BoolLit(value=True), pst.BoolLit(value=False)


class NoFilter(Exception):
    """No resource passes, whichever it is."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SideFilter:
    """What one side lets pass: ids of `reach`, under `conditions` if it has any; besides, whatever `beyond` says.

    `reach` are globs on the id. `forbids`, `conditions` and `beyond` are what is left of policies. One of `conditions`
    or `beyond` must hold where `conditional`.
    """

    side: PolicySide
    reach: tuple[str, ...]
    conditional: bool
    conditions: tuple[pst.Expr, ...]
    beyond: tuple[pst.Expr, ...]
    forbids: tuple[pst.Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is left of a decision without its resource."""

    version: str
    resource_type: str
    sides: tuple[SideFilter, ...]
    request: AccessRequest

    def as_json(self) -> dict[str, object]:
        """The same for another program, policies in Cedar's own JSON."""
        return {
            "version": self.version,
            "resource_type": self.resource_type,
            "sides": [
                {
                    "side": side.side.value,
                    "reach": list(side.reach),
                    "conditional": side.conditional,
                    "conditions": [_cedar_json("permit", one) for one in side.conditions],
                    "beyond": [_cedar_json("permit", one) for one in side.beyond],
                    "forbids": [_cedar_json("forbid", one) for one in side.forbids],
                }
                for side in self.sides
            ],
        }


def filter_of(request: AccessRequest, published: Published) -> Filter:
    """What is left when the id and the attributes of the request's resource are left out. Raises `NoFilter`."""
    bare = replace(request, resource=Entity(ref=request.resource.ref))
    try:
        question = question_of(bare, published)
        sides = tuple(_side(side, party, question) for side, party in parties(question))
    except Refused as refused:
        raise NoFilter(refused.reason) from None
    except (ValueRefused, EvaluationError):
        raise NoFilter(Reason.SCHEMA_VIOLATION) from None
    if len(sides) < 1 + (request.user is not None):
        raise NoFilter(Reason.ENTITY_MISSING)
    return Filter(version=published.version, resource_type=request.resource.ref.type, sides=sides, request=bare)


def predicate(of: Filter, published: Published) -> Callable[[Entity], bool]:
    """Tell whether a row passes. It is the decision on that row, with all that could be known before done already."""
    tests = {side.side: _SideTest(side) for side in of.sides}

    def passes(row: Entity) -> bool:
        try:
            question = question_of(replace(of.request, resource=row), published)
            asked = [(side, query_of(question, party, frozenset())) for side, party in parties(question)]
        except (Refused, ValueRefused, EvaluationError):
            return False
        return row.ref.type == of.resource_type and all(tests[side].holds(query, row.ref.id) for side, query in asked)

    return passes


class _SideTest:
    """One side's filter, ready to be asked."""

    def __init__(self, side: SideFilter) -> None:
        self._side = side
        self._forbids = [expression(one) for one in side.forbids]
        self._conditions = [expression(one) for one in side.conditions]
        self._beyond = [expression(one) for one in side.beyond]

    def holds(self, query: Query, row: str) -> bool:
        try:
            forbidden, conditions, beyond = (
                [one(query) is True for one in every] for every in (self._forbids, self._conditions, self._beyond)
            )
        except Exception:  # noqa: BLE001  a policy that fails on a row keeps it back, whatever the others say
            return False
        if any(forbidden):
            return False
        if any(covers(glob, row) for glob in self._side.reach):
            return not self._side.conditional or any(conditions) or any(beyond)
        return any(beyond)


def _side(side: PolicySide, party: Party, question: Question) -> SideFilter:
    published = question.published
    policies = published.agents if side is PolicySide.AGENT else published.users
    piece = policies.slice_of(party.ref, party.known.ancestors, question.action)
    query = query_of(question, party)
    left = [(one, folded(condition_of(one.statement.template), query)) for one in piece.policies]
    return SideFilter(
        side=side,
        reach=tuple(_reach(side, party, question)),
        conditional=bool(piece.conditions),
        conditions=tuple(_left(expr for one, expr in left if one.statement.id in piece.conditions)),
        beyond=tuple(_left(expr for one, expr in left if one.statement.id in piece.beyond)),
        forbids=tuple(_left(expr for one, expr in left if not one.statement.permits)),
    )


def _left(every: Iterable[pst.Expr]) -> list[pst.Expr]:
    """What can still hold."""
    return [one for one in every if one != _FALSE]


def _reach(side: PolicySide, party: Party, question: Question) -> Iterator[str]:
    """Globs on ids, of all that is held and whose arguments fit."""
    request, facts = question.request, question.published.facts
    held = facts.grants if side is PolicySide.AGENT else facts.permissions
    prefix = f"{request.resource.ref.type}:"
    for holding in held.found(party.ref, party.known.ancestors, request.action):
        pattern, constraints, expires_at, *_ = holding.rule
        fits = all(name in request.arguments and admits(one, request.arguments[name]) for name, one in constraints)
        live = expires_at is None or request.at < expires_at
        if fits and live and pattern.startswith(prefix):
            yield pattern.removeprefix(prefix)


def _cedar_json(effect: pst.Effect, condition: pst.Expr) -> object:
    scope = pst.ScopeAny()
    template = pst.Template("left", effect, scope, scope, scope, (pst.When(condition),), {})
    written = str(cedarpy.PolicySet.from_pst(pst.PolicySet({}, {"left": template}, ())))
    return json.loads(cedarpy.policies_to_json_str(written))["staticPolicies"]["policy0"]
