"""Grants as rows of a table: who may reach which tool on what, found by two looks into a dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest
from leasehold.model.authority.constraints import admits
from leasehold.model.authority.plain import Constraints
from leasehold.model.decisions import Reason
from leasehold.model.entities import AGENT, USER, EntityRef
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
    """What many say alike, kept once. `head` is the pattern's only part if `*` ends it, and stands nowhere else."""

    resource: str
    constraints: Constraints
    expires_at: datetime | None
    head: str | None


class Holding(NamedTuple):
    """One grant's word on one tool."""

    rule: Rule
    grant: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """By holder, then by action. `groups` are the holders that others can be in."""

    of: Mapping[EntityRef, Mapping[str, tuple[Holding, ...]]]
    groups: frozenset[EntityRef]

    def found(self, holder: EntityRef, above: frozenset[EntityRef], action: str) -> tuple[Holding, ...]:
        """What the holder has been granted, and everything that it is in."""
        own = self.of.get(holder)
        found = own.get(action, ()) if own is not None else ()
        if self.groups:
            for group in above & self.groups:
                found += self.of[group].get(action, ())
        return found

    def replaced(self, holder: EntityRef, held: Holdings) -> Holdings:
        """The same, with what `held` says of one holder."""
        ref = cedar_ref(holder)
        of = {**self.of, ref: held.of.get(ref, {})}
        return Holdings(of, _groups(of))


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
    of: dict[EntityRef, dict[str, tuple[Holding, ...]]] = {}
    rules: dict[tuple[str, Constraints, datetime | None], Rule] = {}
    actions = {server: {tool: f"{server}/{tool}" for tool in names} for server, names in tools.items()}
    for one in held:
        reach = one.reach
        key = reach.resource, reach.constraints, one.expires_at
        rule = rules.get(key)
        if rule is None:
            rule = rules[key] = Rule(*key, _head(reach.resource))
        holding = Holding(rule, one.name)
        mine = of.setdefault(cedar_ref(one.holder), {})
        for action in _named(reach.tool, actions.get(reach.tool_server, {})):
            mine[action] = (*mine[action], holding) if action in mine else (holding,)
    return Holdings(of, _groups(of))


def admitting(
    holdings: Holdings, holder: EntityRef, above: frozenset[EntityRef], request: AccessRequest
) -> Holding | Refusal:
    """What admits the call, or why nothing does."""
    found = holdings.found(holder, above, request.action)
    if not found:
        return NOTHING
    nearest, ref = NOTHING, request.resource.ref
    resource = f"{ref.type}:{ref.id}"
    for one in found:
        refusal = _refusal(one, resource, request)
        if refusal is None:
            return one
        if _FARTHEST.index(refusal.reason) > _FARTHEST.index(nearest.reason):
            nearest = refusal
    return nearest


def _named(tool: str, actions: Mapping[str, str]) -> list[str]:
    if "*" not in tool:
        return [actions[tool]] if tool in actions else []
    return [action for name, action in actions.items() if covers(tool, name)]


def _head(pattern: str) -> str | None:
    return pattern[:-1] if pattern.endswith("*") and pattern.count("*") == 1 else None


def _groups(of: Mapping[EntityRef, object]) -> frozenset[EntityRef]:
    return frozenset(ref for ref in of if ref.type not in {AGENT, USER})


def _refusal(holding: Holding, resource: str, request: AccessRequest) -> Refusal | None:
    pattern, constraints, expires_at, head = holding.rule
    if expires_at is not None and request.at >= expires_at:
        return Refusal(Reason.GRANT_EXPIRED, holding.grant)
    if not (resource.startswith(head) if head is not None else covers(pattern, resource)):
        return Refusal(Reason.RESOURCE_NOT_GRANTED, holding.grant)
    arguments = request.arguments
    for name, constraint in constraints:
        # An argument that is constrained must be there.
        if name not in arguments or not admits(constraint, arguments[name]):
            return Refusal(Reason.ARGUMENTS_NOT_GRANTED, holding.grant, name)
    return None
