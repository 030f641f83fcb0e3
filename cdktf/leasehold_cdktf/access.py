"""What an agent of a synthesised stack can reach: its grants, resolved, and held under every ceiling that applies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import product

from leasehold_cdktf.algebra import Alternative, alternatives_of, covered, narrowed, words
from leasehold_cdktf.patterns import covers
from leasehold_cdktf.picture import Attributes, Picture, is_unknown

_EDGE = ("agent", "scope", "tool_server", "tools", "resources", "constraints")


class Standing(StrEnum):
    """How sure a reach is."""

    HELD = "held"
    WITHHELD = "withheld"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One tool (or `*`) on one resource pattern within limits, where it comes from and how it stands."""

    tool_server: str
    tool: str
    resource: str
    source: str
    limits: Alternative = ()
    expires_at: str | None = None
    standing: Standing = Standing.HELD
    reason: str = ""

    def __str__(self) -> str:
        until = f" until {self.expires_at}" if self.expires_at else ""
        reason = f" ({self.standing}: {self.reason})" if self.reason else ""
        limits = f" where {words(self.limits)}" if self.limits else ""
        return f"{self.tool_server}.{self.tool} on {self.resource}{limits}{until}, by {self.source}{reason}"

    def reaches(self, other: Reach) -> bool:
        """True iff `other` lies within this, whatever the arguments."""
        return (
            self.tool_server == other.tool_server
            and covers(self.tool, other.tool)
            and covers(self.resource, other.resource)
        )

    def but(self, standing: Standing, reason: str) -> Reach:
        """The same reach in another standing."""
        return replace(self, standing=standing, reason=reason)


def reach_of(picture: Picture, agent: str, at: datetime | None) -> list[Reach]:
    """Every reach of an agent that `picture` declares. `at` (aware) lets grants expire; None lets none."""
    spec = picture.all("leasehold_agent")[agent]
    found = [
        reach
        for local, grant in picture.all("leasehold_grant").items()
        if grant.get("agent") == agent or is_unknown(grant.get("agent"))
        for reach in _granted(picture, f"leasehold_grant.{local}", grant)
    ]
    stopped = _stopped(picture, spec)
    return [_judged(picture, agent, spec, reach, at, stopped) for reach in found]


def _granted(picture: Picture, source: str, grant: Attributes) -> Iterator[Reach]:
    unknown = [key for key in _EDGE if is_unknown(grant.get(key))]
    if unknown:
        yield _anything(source, f"its {unknown[0]} is known only at apply")
        return
    expires_at = grant.get("expires_at")
    if grant.get("tool_server"):
        found = list(_product(grant, source))
    else:
        found = list(_narrowed(list(_of_scope(picture, grant["scope"], source)), grant))
    yield from (replace(reach, expires_at=expires_at) for reach in found)


def _of_scope(picture: Picture, name: str, source: str) -> Iterator[Reach]:
    scope = picture.find("leasehold_scope", name)
    if scope is None:
        yield _anything(source, f"scope `{name}` is declared in a stack that was not given")
    elif any(is_unknown(scope.get(key)) for key in _EDGE):
        yield _anything(source, f"part of scope `{name}` is known only at apply")
    else:
        yield from _product(scope, source)


def _product(edge: Attributes, source: str) -> Iterator[Reach]:
    limits = alternatives_of(edge.get("constraints"))
    for tool, resource, one in product(edge["tools"], edge["resources"], limits):
        yield Reach(tool_server=edge["tool_server"], tool=tool, resource=resource, limits=one, source=source)


def _narrowed(bounds: Sequence[Reach], grant: Attributes) -> Iterator[Reach]:
    """What a grant on a scope keeps of it: its resources, within its limits too."""
    if not bounds or any(bound.standing is Standing.UNPROVEN for bound in bounds):
        yield from bounds
        return
    tools = dict.fromkeys(bound.tool for bound in bounds)
    resources = grant.get("resources") or dict.fromkeys(bound.resource for bound in bounds)
    found: dict[Reach, None] = {}
    for tool, resource, one in product(tools, resources, alternatives_of(grant.get("constraints"))):
        wanted = replace(bounds[0], tool=tool, resource=resource)
        both = (narrowed(bound.limits, one) for bound in bounds if bound.reaches(wanted))
        found |= dict.fromkeys(replace(wanted, limits=limits) for limits in both if limits is not None)
    yield from found


def _anything(source: str, reason: str) -> Reach:
    return Reach(tool_server="*", tool="*", resource="*", source=source, standing=Standing.UNPROVEN, reason=reason)


def _stopped(picture: Picture, spec: Attributes) -> str:
    owner = picture.find("leasehold_owner", str(spec["owner"])) or {}
    if spec.get("state") == "suspended":
        return "the agent is suspended"
    return f"its owner `{spec['owner']}` is disabled" if owner.get("state") == "disabled" else ""


def _judged(picture: Picture, agent: str, spec: Attributes, reach: Reach, at: datetime | None, stopped: str) -> Reach:
    if stopped:
        return reach.but(Standing.WITHHELD, stopped)
    if reach.standing is Standing.UNPROVEN:
        return reach
    if at is not None and reach.expires_at is not None:
        if is_unknown(reach.expires_at):
            return reach.but(Standing.UNPROVEN, "its expiry is known only at apply")
        if datetime.fromisoformat(reach.expires_at) <= at:
            return reach.but(Standing.WITHHELD, "expired")
    return _under_ceilings(picture, agent, spec, reach)


def _under_ceilings(picture: Picture, agent: str, spec: Attributes, reach: Reach) -> Reach:
    worst = reach
    for name, ceiling in sorted(picture.all("leasehold_ceiling").items()):
        applies = _applies(picture, str(ceiling["principal"]), agent, spec)
        if applies is False:
            continue
        allowed = [bound for scope in ceiling["scopes"] for bound in _of_scope(picture, scope, name)]
        held = covered([bound.limits for bound in allowed if bound.reaches(reach)], reach.limits)
        if held:
            continue
        if held is None:
            worst = reach.but(Standing.UNPROVEN, f"ceiling `{name}` has too many limits to compare")
        elif applies and not any(bound.standing is Standing.UNPROVEN for bound in allowed):
            return reach.but(Standing.WITHHELD, f"above ceiling `{name}`")
        else:
            worst = reach.but(Standing.UNPROVEN, f"ceiling `{name}` depends on a stack that was not given")
    return worst


def _applies(picture: Picture, principal: str, agent: str, spec: Attributes) -> bool | None:
    """Whether a ceiling bounds the agent; None if that depends on what the picture does not show."""
    what, _, whom = principal.partition(":")
    if what == "team":
        owner = picture.find("leasehold_owner", str(spec["owner"]))
        return None if owner is None else owner["team"] == whom
    if is_unknown(principal) or (what == "environment" and is_unknown(spec.get("environment"))):
        return None
    return what == "organization" or {"agent": agent, "environment": spec.get("environment")}.get(what) == whom
