"""What an agent of a synthesised stack can reach: its grants, resolved, and held under every ceiling that applies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from leasehold_cdktf.patterns import covers
from leasehold_cdktf.picture import Attributes, Picture, is_unknown


class Standing(StrEnum):
    """How sure a reach is."""

    HELD = "held"
    WITHHELD = "withheld"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """One tool (or `*`) on one resource pattern, where it comes from and how it stands."""

    tool_server: str
    tool: str
    resource: str
    source: str
    expires_at: str | None = None
    standing: Standing = Standing.HELD
    reason: str = ""

    def __str__(self) -> str:
        until = f" until {self.expires_at}" if self.expires_at else ""
        reason = f" ({self.standing}: {self.reason})" if self.reason else ""
        return f"{self.tool_server}.{self.tool} on {self.resource}{until}, by {self.source}{reason}"

    def covers(self, other: Reach) -> bool:
        """True iff everything in `other` lies within this."""
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
    unknown = [key for key in ("agent", "scope", "tool_server", "tools", "resources") if is_unknown(grant.get(key))]
    if unknown:
        yield _anything(source, f"its {unknown[0]} is known only at apply")
        return
    expires_at = grant.get("expires_at")
    if grant.get("tool_server"):
        bounds = list(_product(grant["tool_server"], grant["tools"], grant["resources"], source))
    else:
        bounds = list(_of_scope(picture, grant["scope"], source))
    narrowed = bounds if grant.get("tool_server") else _narrowed(bounds, grant.get("resources") or ())
    yield from (replace(reach, expires_at=expires_at) for reach in narrowed)


def _of_scope(picture: Picture, name: str, source: str) -> Iterator[Reach]:
    scope = picture.find("leasehold_scope", name)
    if scope is None:
        yield _anything(source, f"scope `{name}` is declared in a stack that was not given")
    elif any(is_unknown(scope.get(key)) for key in ("tool_server", "tools", "resources")):
        yield _anything(source, f"part of scope `{name}` is known only at apply")
    else:
        yield from _product(scope["tool_server"], scope["tools"], scope["resources"], source)


def _product(tool_server: str, tools: Sequence[str], resources: Sequence[str], source: str) -> Iterator[Reach]:
    for tool in tools:
        for resource in resources:
            yield Reach(tool_server=tool_server, tool=tool, resource=resource, source=source)


def _narrowed(bounds: Sequence[Reach], resources: Sequence[str]) -> Iterator[Reach]:
    if not resources or any(bound.standing is Standing.UNPROVEN for bound in bounds):
        yield from bounds
        return
    for tool in dict.fromkeys(bound.tool for bound in bounds):
        for resource in resources:
            wanted = replace(bounds[0], tool=tool, resource=resource)
            if any(bound.covers(wanted) for bound in bounds):
                yield wanted


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
        if any(bound.covers(reach) for bound in allowed):
            continue
        if applies and not any(bound.standing is Standing.UNPROVEN for bound in allowed):
            return reach.but(Standing.WITHHELD, f"above ceiling `{name}`")
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
