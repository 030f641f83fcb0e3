"""Lists cut down to what the caller may call: hidden is what could never be allowed, and the rest is in order.

A list is the caller's own: it goes out as private (MCP 2026-07-28, `cacheScope`), whatever the tool server said.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

import orjson

from leasehold.gateway.deciding import Place, existing, judge
from leasehold.gateway.ports import Surfaces
from leasehold.mcp.headers import MODERN, Era
from leasehold.mcp.needs import Listing, wanted_prompt, wanted_resource
from leasehold.model.mcp_methods import is_reserved
from leasehold.model.tool_resources import is_plain
from leasehold.model.tools import Pinning

BUDGET_META = "io.leasehold/toolBudget"
_log = logging.getLogger(__name__)
Item = dict[str, Any]  # Any: JSON


class Lists:
    """Cuts lists down. `instructions` are those that each tool server was heard to give."""

    def __init__(self, surfaces: Surfaces, budget: int) -> None:
        self._surfaces, self._budget = surfaces, budget
        self._instructions: dict[str, str] = {}
        self._versions: dict[str, tuple[str, ...]] = {}

    def versions(self, server: str) -> tuple[str, ...]:
        """Those of MCP that a tool server was heard to speak without a handshake."""
        return self._versions.get(server, ())

    async def unconnected(self, place: Place) -> list[Item]:
        """The tools that the caller may call once there is a connection: as approved, or by name alone."""
        served = place.served
        known = [tool for tool in served.spec.tools if not is_reserved(tool)]
        approved = [tool for tool in known if await self._surfaces.approved(served.name, tool)]
        return [self._as_approved(place, tool) for tool in sorted(existing(place, approved))]

    def _as_approved(self, place: Place, tool: str) -> Item:
        """What nobody approved was shown to somebody else, and may be about them."""
        pinned = place.served.spec.pinning is Pinning.REQUIRED
        definition = self._surfaces.seen(place.served.name, tool) if pinned else None
        return orjson.loads(definition) if definition is not None else {"name": tool, "inputSchema": {"type": "object"}}

    async def heard(self, server: str, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """An answer to `initialize` or `server/discover`, without instructions that nobody approved."""
        spoken = result.get("supportedVersions")
        if isinstance(spoken, list):
            self._versions[server] = tuple(one for one in spoken if one in MODERN)
        said = result.get("instructions")
        if said is None:
            return result
        if isinstance(said, str):
            self._instructions[server] = said
            if await self._surfaces.instructed(server, said):
                return result
        return {member: value for member, value in result.items() if member != "instructions"}

    async def cut(self, listing: Listing, result: Item, place: Place) -> tuple[Item, int]:
        """The result as the caller may see it, and how many of its items were hidden. Raises `Unavailable`."""
        found = result.get(listing.value)
        items = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        if listing is Listing.TOOLS:
            shown = await self._tools(items, place, whole=result.get("nextCursor") is None)
        else:
            shown = await self._others(listing, items, place)
        cut = {**result, listing.value: shown}
        if place.era is Era.MODERN:
            cut["cacheScope"] = "private"
        if listing is Listing.TOOLS:
            self._report(cut, len(shown), place)
        return cut, len(items) - len(shown)

    async def _tools(self, items: list[Item], place: Place, *, whole: bool) -> list[Item]:
        server = place.served.name
        approved = await self._surfaces.judged(server, items, self._instructions.get(server), whole=whole)
        names = [_named(one, "name") for one in items]
        times = Counter(names)
        clear = (name for name in names if times[name] == 1)  # of two with one name, nobody knows which is called
        shown = existing(place, (name for name in clear if name in approved and not is_reserved(name)))
        return [one for name, one in sorted(zip(names, items, strict=True), key=itemgetter(0)) if name in shown]

    async def _others(self, listing: Listing, items: list[Item], place: Place) -> list[Item]:
        member, wanted = _WANTED[listing]
        shown = []
        for one in items:
            name = _named(one, member)
            if name and is_plain(name) and (await judge(place, wanted(name), self._surfaces)).allowed:
                shown.append(one)
        return sorted(shown, key=lambda one: str(one[member]))

    def _report(self, result: Item, listed: int, place: Place) -> None:
        """More tools than an agent can choose among well: said, and not taken away."""
        if listed <= self._budget:
            return
        meta = result.get("_meta")
        result["_meta"] = {
            **(meta if isinstance(meta, dict) else {}),
            BUDGET_META: {"budget": self._budget, "listed": listed},
        }
        _log.warning(
            "agent `%s` is shown %d tools of `%s`, more than %d",
            place.caller.facts.agent,
            listed,
            place.served.name,
            self._budget,
        )


def _named(one: Item, member: str) -> str:
    name = one.get(member)
    return name if isinstance(name, str) else ""


_WANTED: Mapping[Listing, tuple[str, Callable[[str], Any]]] = {  # Any: a want
    Listing.RESOURCES: ("uri", wanted_resource),
    Listing.TEMPLATES: ("uriTemplate", wanted_resource),
    Listing.PROMPTS: ("name", wanted_prompt),
}
