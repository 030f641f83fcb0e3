"""Is a planned grant within its ceilings? Asked with the registry's algebra of what lives and what this run plans."""

from __future__ import annotations

from .access import applies, contains, first_excess, narrowed, reach_of_grant, reach_of_scope
from .patterns import covers
from .problems import plain
from .protocol import is_unknown
from .protocol.cty import contains_unknown
from .references import find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .access import Reach
    from .algebra import Alternative
    from .protocol import PlanContext
    from .run import Run

    Values = dict[str, Any]
    Bounded = tuple[str, Values, Values]


class _Unproven(Exception):
    """Something is not known yet: no verdict, and the registry decides at apply."""


def check_ceilings(ctx: PlanContext, run: Run, grant: Values) -> None:
    """Object to a grant above a ceiling, with the first reach that sticks out; silent about what is unknown."""
    try:
        scope = _known(find(run, "scopes", _name(grant["scope"]))) if grant["scope"] is not None else None
        _check_within_scope(ctx, _known(grant), scope)
        bounded = _bounded(run, _name(grant["agent"]))
        reach = reach_of_grant(_known(grant), scope)
        ceilings = list(_applying(run, bounded))
        for ceiling in ceilings:
            allowed = _allowed(run, ceiling)
            excess = first_excess(reach, allowed)
            if excess is not None:
                verb = "does not allow" if contains(allowed, excess) is False else "cannot be shown to allow"
                _refuse(ctx, f"ceiling `{plain(ceiling['name'])}` {verb}", excess)
                return
    except _Unproven:
        return
    if not ceilings and reach and run.registry.role() == "developer":
        _refuse(ctx, "no ceiling applies to this agent, so a developer may not grant", reach[0])


def _check_within_scope(ctx: PlanContext, grant: Values, scope: Values | None) -> None:
    if scope is None:
        return
    within = reach_of_scope(scope)
    for resource in sorted(grant["resources"]):
        if not any(covers(wide[2], resource) for wide in within):
            detail = f"Scope `{plain(grant['scope'])}` does not cover `{plain(resource)}`."
            ctx.error("Resource outside the scope", detail, ("resources",))
    wanted = dict.fromkeys(one[3] for one in reach_of_scope({**scope, "constraints": grant["constraints"]}))
    for constraints in wanted:
        if not any(narrowed(wide, (*wide[:3], constraints)) for wide in within):
            detail = f"Scope `{plain(grant['scope'])}` does not cover these values{_of_arguments(constraints)}."
            ctx.error("Constraint outside the scope", detail, ("constraints",))
            return


def _refuse(ctx: PlanContext, why: str, excess: Reach) -> None:
    server, tool, resource = map(plain, excess[:3])
    path = ("tools",) if ctx.planned is not None and ctx.planned["tool_server"] is not None else ("scope",)
    values = f" with these values{_of_arguments(excess[3])}" if excess[3] else ""
    detail = f"The {why} `{tool}` of `{server}` on `{resource}`{values}.".replace("The no", "No")
    ctx.error("Grant above a ceiling", detail, path)


def _of_arguments(constraints: Alternative) -> str:
    return f" of {', '.join(f'`{plain(name)}`' for name, _ in constraints)}"


def _bounded(run: Run, agent_name: str) -> Bounded:
    """Return the agent with its owner."""
    agent = _known(find(run, "agents", agent_name), ("owner", "environment"))
    return agent_name, agent, _known(find(run, "owners", agent["owner"]), ("team",))


def _applying(run: Run, bounded: Bounded) -> Iterator[Values]:
    """Every ceiling over the agent, planned ones included, in the order of names."""
    name, agent, owner = bounded
    known = {item["name"]: item for item in run.registry.live.all("ceilings")}
    known.update({planned: run.planned("ceilings", planned) or {} for planned in run.planned_names("ceilings")})
    for _, ceiling in sorted(known.items()):
        if is_unknown(ceiling["principal"]):
            raise _Unproven
        if applies(ceiling, agent_name=name, agent=agent, owner=owner):
            yield _known(ceiling)


def _allowed(run: Run, ceiling: Values) -> list[Reach]:
    scopes = (find(run, "scopes", _name(scope)) for scope in sorted(ceiling["scopes"]))
    return [reach for scope in scopes if scope is not None for reach in reach_of_scope(_known(scope))]


_REACHING = ("agent", "scope", "tool_server", "tools", "resources", "constraints", "principal", "scopes")


def _known(values: Values | None, names: tuple[str, ...] = _REACHING) -> Values:
    """Return values of which all that matters is known."""
    if values is None:
        raise _Unproven
    for name in names:
        if contains_unknown(values.get(name)):
            raise _Unproven
    return values


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise _Unproven
    return value
