"""What grants reach and whether ceilings allow it, on the registry's JSON objects: the plan-time twin of its algebra.

A reach is a triple `(tool server, tool, resource)`. Nothing is trimmed: what sticks out of a ceiling is above it.
`tests/unit/provider/test_access.py` holds this and the registry's own decision together.
"""

from __future__ import annotations

from .patterns import covers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    Spec = Mapping[str, Any]
    Reach = tuple[str, str, str]


def reach_of_scope(scope: Spec) -> list[Reach]:
    """Every tool × resource of a scope."""
    return _product(scope["tool_server"], scope["tools"], scope["resources"])


def reach_of_grant(grant: Spec, scope: Spec | None) -> list[Reach]:
    """Every tool × resource of a grant; nothing where its scope is unknown or does not cover a resource."""
    if grant.get("tool_server") is not None:
        return _product(grant["tool_server"], grant["tools"], grant["resources"])
    if scope is None:
        return []
    within = reach_of_scope(scope)
    if not grant["resources"]:
        return within
    wanted = _product(scope["tool_server"], scope["tools"], grant["resources"])
    return [one for one in wanted if any(contains(wide, one) for wide in within)]


def applies(ceiling: Spec, *, agent_name: str, agent: Spec, owner: Spec) -> bool:
    """True iff the ceiling bounds this agent, itself or through its team, its environment or the organisation."""
    what, _, name = ceiling["principal"].partition(":")
    bounded = {"agent": agent_name, "team": owner["team"], "environment": agent["environment"]}
    return bool(what == "organization" or bounded.get(what) == name)


def first_excess(reach: Iterable[Reach], allowed: Iterable[Reach]) -> Reach | None:
    """The first reach that nothing in `allowed` covers, or None."""
    upper = list(allowed)
    return next((one for one in reach if not any(contains(wide, one) for wide in upper)), None)


def contains(wide: Reach, narrow: Reach) -> bool:
    """True iff everything in `narrow` lies within `wide`."""
    return wide[0] == narrow[0] and covers(wide[1], narrow[1]) and covers(wide[2], narrow[2])


def _product(tool_server: str, tools: Iterable[str], resources: Iterable[str]) -> list[Reach]:
    ordered = sorted(resources)
    return [(tool_server, tool, resource) for tool in sorted(tools) for resource in ordered]
