"""`authorization_details` (RFC 9396) of type `mcp_tool`: tools on resources, with constraints on arguments. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.model.access import Reach
from leasehold.model.authority.plain import Constraints, constraints_of, plain_of
from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_resource, check_tool
from leasehold.model.tools import ToolServer
from leasehold.policy.wishes import LeaseReason

DETAIL_TYPE = "mcp_tool"
MAX_REACH = 256
_MEMBERS = frozenset({"type", "locations", "actions", "resources", "constraints"})


def authorization_details(resource: str, reach: Iterable[Reach]) -> list[dict[str, object]]:
    """One detail for every set of resources and constraints that tools have in common."""
    return [dict(detail) for detail in _details(resource, tuple(reach))]


@lru_cache(maxsize=1024)  # the same for every token of an agent on one tool server
def _details(resource: str, reach: tuple[Reach, ...]) -> tuple[Mapping[str, object], ...]:
    resources_of: dict[tuple[str, Constraints], set[str]] = defaultdict(set)
    for one in reach:
        resources_of[one.tool, one.constraints].add(one.resource)
    tools_on: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for (tool, constraints), resources in resources_of.items():
        tools_on[tuple(sorted(resources)), json.dumps(plain_of(constraints))].append(tool)
    return tuple(
        {"type": DETAIL_TYPE, "locations": [resource], "actions": sorted(tools), "resources": list(resources)}
        | ({"constraints": json.loads(constraints)} if constraints != "{}" else {})
        for (resources, constraints), tools in sorted(tools_on.items())
    )


def reach_of_details(details: object, resource: str, tool_server: str) -> frozenset[Reach]:
    """What details say of one tool server. Raises `InvalidValue`: what is not understood is refused, never skipped."""
    if not isinstance(details, Sequence) or isinstance(details, str) or not details:
        raise InvalidValue("authorization_details is a list of at least one object")
    found: set[Reach] = set()
    for detail in details:
        found.update(_reach(detail, resource, tool_server))
        if len(found) > MAX_REACH:
            raise InvalidValue(f"authorization_details come to more than {MAX_REACH} tools on resources")
    return frozenset(found)


def wanted_reach(details: object, resource: str, servers: Mapping[str, ToolServer]) -> frozenset[Reach] | None:
    """What a request asks for in details, None if it gives none. Raises `ExchangeRefused`."""
    if details is None:
        return None
    try:
        return reach_of_details(details, resource, tool_server_at(resource, servers))
    except InvalidValue as error:
        raise ExchangeRefused(ExchangeReason.DETAILS_REFUSED) from error


def tool_server_at(resource: str, servers: Mapping[str, ToolServer]) -> str:
    """The tool server of this very URL. Raises `ExchangeRefused`."""
    found = next((name for name, server in servers.items() if server.url == resource), None)
    if found is None:
        raise ExchangeRefused(LeaseReason.NOTHING_GRANTED)
    return found


def _reach(detail: object, resource: str, tool_server: str) -> Iterator[Reach]:
    if not isinstance(detail, Mapping) or not detail.keys() <= _MEMBERS or detail.get("type") != DETAIL_TYPE:
        raise InvalidValue(f"a detail is of type {DETAIL_TYPE}, with locations, actions, resources and constraints")
    if detail.get("locations", [resource]) != [resource]:
        raise InvalidValue("locations names the one resource of the request")
    constraints = constraints_of(detail.get("constraints", {}))
    resources = _names(detail.get("resources"))
    for tool in _names(detail.get("actions")):
        check_tool(tool)
        for name in resources:
            check_resource(name)
            yield Reach(tool_server, tool, name, constraints)


def _names(names: object) -> list[str]:
    if not isinstance(names, list) or not 0 < len(names) <= MAX_REACH or not all(isinstance(n, str) for n in names):
        raise InvalidValue("actions and resources each name at least one")
    return names
