"""Grants as rows of a table: who may reach which tool on what, found by two looks into a dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from leasehold.model.access import Reach
from leasehold.model.access_requests import AccessRequest
from leasehold.model.authority.plain import Constraints
from leasehold.model.decisions import Reason
from leasehold.model.entities import AGENT, USER, EntityRef
from leasehold.model.patterns import covers
from leasehold.policy.argument_checks import Check, check_of
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
    """What many say alike, kept once. `kind` is the type if the pattern is `<type>:*`, all entities of that type.

    `checks` are the constraints, ready to be asked.
    """

    resource: str
    constraints: Constraints
    expires_at: datetime | None
    kind: str | None
    checks: tuple[tuple[str, Check], ...]


class Holding(NamedTuple):
    """One grant's word on one tool."""

    rule: Rule
    grant: str


@dataclass(frozen=True, slots=True)
class Holdings:
    """By action, then by holder. `groups` are the holders that others can be in."""

    of: Mapping[str, Mapping[EntityRef, tuple[Holding, ...]]]
    groups: frozenset[EntityRef]

    def found(self, holder: EntityRef, above: frozenset[EntityRef], action: str) -> tuple[Holding, ...]:
        """What the holder has been granted, and everything that it is in."""
        holders = self.of.get(action)
        if holders is None:
            return ()
        found = holders.get(holder, ())
        for group in above & self.groups if self.groups else ():
            found += holders.get(group, ())
        return found

    def of_holder(self, holder: EntityRef) -> dict[str, tuple[Holding, ...]]:
        """What the holder itself has been granted, by action."""
        return {action: holders[holder] for action, holders in self.of.items() if holder in holders}

    def replaced(self, holders: Iterable[EntityRef], held: Holdings) -> Holdings:
        """The same, with what `held` says of these holders. Of each action that one of them has, one copy is made."""
        refs, of = {cedar_ref(holder) for holder in holders}, dict(self.of)
        for action in {*held.of, *(action for action, mine in of.items() if any(ref in mine for ref in refs))}:
            now, mine = held.of.get(action, {}), dict(of.get(action, {}))
            for ref in refs:
                mine.pop(ref, None)
                if ref in now:
                    mine[ref] = now[ref]
            of[action] = mine
        return Holdings(of, (self.groups - refs) | (held.groups & refs))


_FARTHEST = _NOTHING, _EXPIRED, _RESOURCE, _ARGUMENTS = (
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


NOTHING = Refusal(_NOTHING)


def holdings_of(held: Iterable[HeldReach], tools: Mapping[str, Iterable[str]]) -> Holdings:
    """By action and holder. `tools` are each server's: what a server does not list is granted to nobody."""
    of: dict[str, dict[EntityRef, tuple[Holding, ...]]] = {}
    holders: dict[EntityRef, EntityRef] = {}
    rules: dict[tuple[str, Constraints, datetime | None], Rule] = {}
    actions = {server: {tool: f"{server}/{tool}" for tool in names} for server, names in tools.items()}
    for one in held:
        reach = one.reach
        key = reach.resource, reach.constraints, one.expires_at
        rule = rules.get(key)
        if rule is None:
            checks = tuple((name, check_of(constraint)) for name, constraint in reach.constraints)
            rule = rules[key] = Rule(*key, _kind(reach.resource), checks)
        holding = Holding(rule, one.name)
        ref = cedar_ref(one.holder)
        holder = holders.setdefault(ref, ref)
        for action in _named(reach.tool, actions.get(reach.tool_server, {})):
            mine = of.setdefault(action, {})
            mine[holder] = (*mine[holder], holding) if holder in mine else (holding,)
    return Holdings(of, frozenset(ref for ref in holders if ref.type not in {AGENT, USER}))


def admitting(found: tuple[Holding, ...], request: AccessRequest) -> Holding | Refusal:
    """Which of these admits the call, or why none does. One loop without calls, for every decision goes through it."""
    nearest, resource, arguments = NOTHING, request.resource.ref, request.arguments
    for one in found:
        pattern, _, expires_at, kind, checks = one[0]
        wrong = ""
        if expires_at is not None and request.at >= expires_at:
            reason = _EXPIRED
        elif kind != resource[0] and not covers(pattern, f"{resource[0]}:{resource[1]}"):
            reason = _RESOURCE
        else:
            for name, check in checks:
                # An argument that is constrained must be there.
                if name not in arguments or not check(arguments[name]):
                    reason, wrong = _ARGUMENTS, name
                    break
            else:
                return one
        if _FARTHEST.index(reason) > _FARTHEST.index(nearest[0]):
            nearest = Refusal(reason, one[1], wrong)
    return nearest


def _named(tool: str, actions: Mapping[str, str]) -> list[str]:
    if "*" not in tool:
        return [actions[tool]] if tool in actions else []
    return [action for name, action in actions.items() if covers(tool, name)]


def _kind(pattern: str) -> str | None:
    return pattern[:-2] if pattern.endswith(":*") and pattern.count("*") == 1 else None
