"""What tool servers were seen to show against their pins: nobody approved it, or it is not as it was approved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leasehold.model.kinds import Kind
from leasehold.model.observations import Observation
from leasehold.model.pins import ToolPin
from leasehold.model.surface_words import tool_words
from leasehold.model.tool_surfaces import PinState, ToolChange, ToolSurface, changes
from leasehold.model.tools import Pinning, ToolServer
from leasehold.review.declared import Declared
from leasehold.review.drafts import Draft
from leasehold.review.findings import Delta, DriftClass
from leasehold.review.quotation import quoted
from leasehold.review.risk import Assessment
from leasehold.review.worlds import Live, World

Seen = Mapping[str, Observation]
"""The newest observation of each tool server that was ever seen."""
_SHOWN, _DELTAS = 3, 20
_NOTHING = ToolSurface("", {})


def unapproved(declared: Declared, live: Live, seen: Seen) -> Iterator[Draft]:
    """One draft for each tool server of the stacks that shows anything but what its pin approves."""
    for name in sorted(seen):
        key = (Kind.TOOL_SERVERS, name)
        stored = live.stored.get(key)
        if stored is None or not (declared.mentions(key) or stored.stack in declared.stacks):
            continue
        if isinstance(stored.spec, ToolServer) and (draft := _draft(live.world, name, stored.spec, seen[name])):
            yield draft


def moved(world: World, server: str, seen: Seen) -> Mapping[str, PinState]:
    """The tools that a server shows otherwise than its pin in this world has them; an empty name: the instructions."""
    if (one := seen.get(server)) is None:
        return {}
    return {change.tool: change.state for change in changes(approved(world, server) or _NOTHING, one.surface)}


def approved(world: World, server: str) -> ToolSurface | None:
    """What is approved of a server."""
    pin = world.of(ToolPin).get(server)
    return pin.approved if pin is not None else None


def _draft(world: World, name: str, server: ToolServer, seen: Observation) -> Draft | None:
    pinned = approved(world, name)
    found = () if seen.problem else changes(pinned or _NOTHING, seen.surface)
    if not found and not seen.problem:
        return None
    return Draft(
        DriftClass.TOOL_SURFACE,
        (Kind.TOOL_SERVERS, name),
        None,
        _sentence(name, server, seen, found, pinned or _NOTHING),
        _assessment(server, found, pinned=pinned is not None),
        signs=(f"seen {seen.digest}",),
        beyond=tuple(_deltas(found))[:_DELTAS],
    )


def _assessment(server: ToolServer, found: tuple[ToolChange, ...], *, pinned: bool) -> Assessment:
    """What is hidden until somebody approves it breaks work; what is only observed is in use."""
    if found and all(one.state is PinState.GONE for one in found):
        return Assessment(1, ("approved tools are gone",))
    what = "shows other tools than approved" if pinned else "nobody approved its tools"
    found_so = Assessment(1 + pinned, (what,))
    return found_so.raised(1, "in use all the same") if server.pinning is Pinning.OBSERVE else found_so


def _sentence(
    name: str, server: ToolServer, seen: Observation, found: tuple[ToolChange, ...], pinned: ToolSurface
) -> str:
    parts = [_words(one, pinned, seen.surface) for one in found[:_SHOWN]]
    more = [f"{len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    said = f"its list is refused whole, {quoted(seen.problem)}" if seen.problem else "; ".join((*parts, *more))
    gone = bool(found) and all(one.state is PinState.GONE for one in found)
    held = "in use, as it is only observed" if server.pinning is Pinning.OBSERVE else "hidden and denied until approved"
    return f"tool server {quoted(name)} shows what nobody approved: {said}" + ("" if gone else f" ({held})")


def _words(one: ToolChange, pinned: ToolSurface, live: ToolSurface) -> str:
    if not one.tool:
        return "other instructions"
    match one.state:
        case PinState.FIRST_SEEN:
            return f"{quoted(one.tool)} is new"
        case PinState.GONE:
            return f"{quoted(one.tool)} is no longer listed"
        case _:
            said = tool_words(pinned.tools.get(one.tool), live.tools.get(one.tool))
            why = "unreadable" if one.tool in live.unreadable else said[0]
            return f"{quoted(one.tool)} changed ({why})"


def _deltas(found: tuple[ToolChange, ...]) -> Iterator[Delta]:
    for one in found:
        yield from (Delta(f"{one.tool}{at.path}", at.approved, at.live) for at in one.differences)
