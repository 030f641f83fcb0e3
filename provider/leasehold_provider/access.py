"""What grants reach and whether ceilings allow it, on the registry's JSON objects: the plan-time twin of its algebra.

A reach is `(tool server, tool, resource, constraints)`; constraints are `()` where arguments are free. Nothing is
trimmed: what sticks out of a ceiling is above it. `tests/unit/provider/test_access.py` holds this and the registry's
own decision together.
"""

from __future__ import annotations

from .patterns import covers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from .algebra import Alternative

    Spec = Mapping[str, Any]
    Reach = tuple[str, str, str, Alternative]


def reach_of_scope(scope: Spec) -> list[Reach]:
    """Every tool × resource × alternative of a scope."""
    return _product(scope["tool_server"], scope["tools"], scope["resources"], scope.get("constraints"))


def reach_of_grant(grant: Spec, scope: Spec | None) -> list[Reach]:
    """Every tool × resource × alternative of a grant; nothing where its scope is unknown or does not cover it."""
    constraints = grant.get("constraints")
    if grant.get("tool_server") is not None:
        return _product(grant["tool_server"], grant["tools"], grant["resources"], constraints)
    if scope is None:
        return []
    within = reach_of_scope(scope)
    if not grant["resources"] and not constraints:
        return within
    resources = grant["resources"] or scope["resources"]
    wanted = _product(scope["tool_server"], scope["tools"], resources, constraints)
    found = (narrowed(wide, one) for one in wanted for wide in within)
    return list(dict.fromkeys(one for one in found if one is not None))


def narrowed(wide: Reach, wanted: Reach) -> Reach | None:
    """Return `wanted` under the constraints of `wide` too; None if it, or an argument of it, does not lie within."""
    if not reaches(wide, wanted):
        return None
    if not wide[3]:
        return wanted
    from .algebra import covers as covers_values  # noqa: PLC0415 -- few scopes have constraints

    mine, theirs = dict(wide[3]), dict(wanted[3])
    if not all(covers_values(mine[name], theirs[name]) for name in mine.keys() & theirs.keys()):
        return None
    both = {**mine, **theirs}
    return (*wanted[:3], tuple((name, both[name]) for name in sorted(both)))


def applies(ceiling: Spec, *, agent_name: str, agent: Spec, owner: Spec) -> bool:
    """True iff the ceiling bounds this agent, itself or through its team, its environment or the organisation."""
    what, _, name = ceiling["principal"].partition(":")
    bounded = {"agent": agent_name, "team": owner["team"], "environment": agent["environment"]}
    return bool(what == "organization" or bounded.get(what) == name)


def first_excess(reach: Iterable[Reach], allowed: Iterable[Reach]) -> Reach | None:
    """The first reach that `allowed` does not cover, or cannot be shown to cover; or None."""
    upper = list(allowed)
    return next((one for one in reach if not contains(upper, one)), None)


def contains(allowed: Sequence[Reach], one: Reach) -> bool | None:
    """True iff everything in `one` lies within `allowed`; None if nobody can tell."""
    above = tuple(dict.fromkeys(wide[3] for wide in allowed if reaches(wide, one)))
    if () in above:
        return True
    if not above or not one[3]:  # what asks for an argument does not allow the calls without it
        return False
    from .algebra import covered  # noqa: PLC0415 -- few grants have constraints

    return covered(above, one[3])


def reaches(wide: Reach, narrow: Reach) -> bool:
    """True iff `narrow` lies within `wide`, whatever the arguments."""
    return wide[0] == narrow[0] and covers(wide[1], narrow[1]) and covers(wide[2], narrow[2])


def _product(tool_server: str, tools: Iterable[str], resources: Iterable[str], constraints: Any) -> list[Reach]:
    alternatives: list[Alternative] = [()]
    if constraints:
        from .algebra import alternatives_of  # noqa: PLC0415 -- as above

        alternatives = alternatives_of(constraints)
    ordered = sorted(resources)
    return [
        (tool_server, tool, resource, one) for tool in sorted(tools) for resource in ordered for one in alternatives
    ]
