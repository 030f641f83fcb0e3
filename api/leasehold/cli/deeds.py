"""What an agent can do, in the words of a table: tools that share a resource and limits are said together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from leasehold.cli.reports import Json
from leasehold.cli.safe_text import cell_code
from leasehold.limit_words import Constraint, limits_of

Limits = Mapping[str, Constraint]
EVERY_TOOL = "*"
_SHOWN = 4
_NAMES_SHOWN = 6
_LIMITS_SHOWN = 3
_PLACES_SHOWN = 2
_COMPARED = 20  # of one tool: more would not be shown


def deeds(moved: Iterable[Json], others: Iterable[Json], word: str) -> list[str]:
    """The first few deeds, each with what the same tool could reach otherwise (`was` before, `still` afterwards)."""
    elsewhere: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for one in others:
        if len(elsewhere[_tool_of(one)]) < _COMPARED:
            elsewhere[_tool_of(one)].append(one)
    keyed = sorted((_key(one, elsewhere, word), _tool(one)) for one in moved)
    groups = [(key, [tool for _, tool in several]) for key, several in groupby(keyed, key=lambda pair: pair[0])]
    said = [f"{_tools(tools)}{place}{aside}" for (place, aside), tools in groups]
    return said if len(said) <= _SHOWN else [*said[: _SHOWN - 1], f"and {len(said) - _SHOWN + 1} more"]


def in_short(moved: Sequence[Json]) -> str:
    """All in one phrase, limits aside: every tool on every resource. Empty if that would not be true, or not short."""
    servers = {one["tool_server"] for one in moved}
    tools, resources = sorted({_tool(one) for one in moved}), sorted({one["resource"] for one in moved})
    pairs = {(one["tool"], one["resource"]) for one in moved}
    if len(servers) != 1 or len(pairs) != len(tools) * len(resources):
        return ""
    if len(tools) > _LIMITS_SHOWN or len(resources) > _PLACES_SHOWN:
        return ""
    return f"{', '.join(tools)} on {' and '.join(map(cell_code, resources))}"


def _key(one: Json, elsewhere: Mapping[tuple[str, str], list[Json]], word: str) -> tuple[str, str]:
    place = f" on {cell_code(one['resource'])}{_limits(_constraints(one))}"
    same = elsewhere.get(_tool_of(one), [])
    return place, f" ({word} {_otherwise(one, same)})" if same else ""


def _otherwise(one: Json, same: list[Json]) -> str:
    """Only what differs: the resources, or the limits on the same resource."""
    if all(other["resource"] == one["resource"] for other in same):
        said = [_limits(_unlike(_constraints(other), _constraints(one))).strip() or "without limits" for other in same]
    else:
        said = [f"{cell_code(other['resource'])}{_limits(_constraints(other))}" for other in same]
    shown = list(dict.fromkeys(said))
    return ", ".join(shown[:_LIMITS_SHOWN]) + (", …" if len(shown) > _LIMITS_SHOWN else "")


def _unlike(constraints: Limits, others: Limits) -> Limits:
    return {name: constraint for name, constraint in constraints.items() if others.get(name) != constraint}


def _tool_of(one: Json) -> tuple[str, str]:
    return one["tool_server"], one["tool"]


def _tool(one: Json) -> str:
    if one["tool"] == EVERY_TOOL:
        return f"every tool of {cell_code(one['tool_server'])}"
    return cell_code(one["tool"])


def _tools(tools: list[str]) -> str:
    more = f" and {len(tools) - _NAMES_SHOWN} more tools" if len(tools) > _NAMES_SHOWN else ""
    return ", ".join(tools[:_NAMES_SHOWN]) + more


def _constraints(one: Json) -> Limits:
    found = one.get("constraints")
    return found if isinstance(found, dict) else {}


def _limits(constraints: Limits) -> str:
    return limits_of(constraints, cell_code)
