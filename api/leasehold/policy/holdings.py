"""Grants as rows of a table: who may reach which tool on what, found by two looks into a dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

from leasehold.model.access import Reach
from leasehold.model.authority.constraints import admits
from leasehold.model.authority.plain import Constraints
from leasehold.model.decisions import Reason
from leasehold.model.entities import EntityRef
from leasehold.model.patterns import covers
from leasehold.policy.cedar.naming import cedar_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldReach:
    """A reach that someone holds: an agent by a grant, a person or a group by a permission. `name` is the grant's.

    A reach is what lies beneath every ceiling already (`model.access.within_ceilings`).
    """

    holder: EntityRef
    reach: Reach
    name: str
    expires_at: datetime | None = None


class Rule(NamedTuple):
    """What many say alike, kept once."""

    resource: str
    constraints: Constraints
    expires_at: datetime | None


class Holding(NamedTuple):
    """One grant's word on one tool."""

    rule: Rule
    grant: str


Holdings: TypeAlias = Mapping[EntityRef, Mapping[str, tuple[Holding, ...]]]
"""By holder, then by action."""

_FARTHEST = (
    Reason.NOTHING_GRANTED,
    Reason.GRANT_EXPIRED,
    Reason.RESOURCE_NOT_GRANTED,
    Reason.ARGUMENTS_NOT_GRANTED,
)


class Refusal(NamedTuple):
    """Why nothing that is held admits a call: what the one that came nearest lacks, and which argument that is."""

    reason: Reason
    grant: str | None = None
    argument: str = ""


NOTHING = Refusal(Reason.NOTHING_GRANTED)


def holdings_of(held: Iterable[HeldReach], tools: Mapping[str, Iterable[str]]) -> Holdings:
    """By holder and action. `tools` are each server's: what a server does not list is granted to nobody."""
    holdings: dict[EntityRef, dict[str, tuple[Holding, ...]]] = {}
    rules: dict[Rule, Rule] = {}
    actions = {(server, tool): f"{server}/{tool}" for server, names in tools.items() for tool in names}
    for one in held:
        reach = one.reach
        rule = Rule(reach.resource, reach.constraints, one.expires_at)
        holding = Holding(rules.setdefault(rule, rule), one.name)
        mine = holdings.setdefault(cedar_ref(one.holder), {})
        for tool in _named(reach.tool, tools.get(reach.tool_server, ())):
            action = actions.get((reach.tool_server, tool))
            if action is not None:
                mine[action] = (*mine.get(action, ()), holding)
    return holdings


def admitting(
    holdings: tuple[Holding, ...], resource: str, arguments: Mapping[str, object], at: datetime
) -> Holding | Refusal:
    """The one that admits the call, or why none does."""
    nearest = NOTHING
    for one in holdings:
        refusal = _refusal(one, resource, arguments, at)
        if refusal is None:
            return one
        if _FARTHEST.index(refusal.reason) > _FARTHEST.index(nearest.reason):
            nearest = refusal
    return nearest


def _named(tool: str, listed: Iterable[str]) -> Iterable[str]:
    return (tool,) if "*" not in tool else [one for one in listed if covers(tool, one)]


def _refusal(holding: Holding, resource: str, arguments: Mapping[str, object], at: datetime) -> Refusal | None:
    pattern, constraints, expires_at = holding.rule
    if expires_at is not None and at >= expires_at:
        return Refusal(Reason.GRANT_EXPIRED, holding.grant)
    if pattern != resource and not covers(pattern, resource):
        return Refusal(Reason.RESOURCE_NOT_GRANTED, holding.grant)
    for name, constraint in constraints:
        # An argument that is constrained must be there.
        if name not in arguments or not admits(constraint, arguments[name]):
            return Refusal(Reason.ARGUMENTS_NOT_GRANTED, holding.grant, name)
    return None
