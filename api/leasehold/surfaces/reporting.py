"""What a server shows against what was approved of it, for whoever is to approve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.observations import Observation
from leasehold.model.pins import ToolPin
from leasehold.model.surface_texts import surface_text
from leasehold.model.surface_words import text_words, tool_words
from leasehold.model.tool_surfaces import (
    PinState,
    SurfaceDifference,
    ToolChange,
    ToolSurface,
    changes,
    surface_of,
    usable_tools,
)
from leasehold.model.tools import Pinning, ToolServer
from leasehold.policy.decision import Permit
from leasehold.surfaces.advice import Advice, advice_on
from leasehold.surfaces.ports import Governing, Store
from leasehold.surfaces.recording import record

_CHANGES, _FIELDS, _ADVICE = 500, 50, 500
_NOTHING = ToolSurface("", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One tool, or, with an empty name, the instructions. `omitted` counts fields that are not told."""

    tool: str
    state: PinState
    words: tuple[str, ...]
    fields: tuple[SurfaceDifference, ...]
    omitted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceReport:
    """One server. `surface` is what was seen, as the text that a pin of it would hold, but for unreadable tools.

    `usable` are the tools that the gateway shows and calls now, `quarantined` those that it hides and denies. `omitted`
    counts changes that are not told.
    """

    server: str
    pinning: Pinning
    pin: Stored[Spec] | None
    seen: Observation | None
    surface: str | None
    changes: tuple[Changed, ...] = ()
    advice: tuple[Advice, ...] = ()
    usable: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)
    omitted: int = 0


def report(store: Store, server: str) -> SurfaceReport:
    """What was seen last of a server against its pin. Raises `NotFound`."""
    with store.read() as unit:
        stored = unit.objects.get(Kind.TOOL_SERVERS, server)
        pin = unit.objects.find(Kind.TOOL_PINS, server)
        seen = unit.observations.latest((server,)).get(server)
    pinning = stored.spec.pinning if isinstance(stored.spec, ToolServer) else Pinning.REQUIRED
    if seen is None:
        return SurfaceReport(server=server, pinning=pinning, pin=pin, seen=None, surface=None)
    return _compared(server, pinning, pin, seen)


def observe(store: Store, permit: Permit, server: str, tools: object, instructions: object, now: datetime) -> None:
    """Write down what somebody saw a server show: all of it. Raises `NotFound`; `InvalidValue`: nobody can review it.

    What can be read two ways is written down as that before it is refused.
    """
    with store.read() as unit:
        spec = unit.objects.get(Kind.TOOL_SERVERS, server).spec
        pin = unit.objects.find(Kind.TOOL_PINS, server)
    governing = Governing(spec.pinning if isinstance(spec, ToolServer) else Pinning.REQUIRED, _approved(pin))
    seen = Observation(server=server, surface=_NOTHING, first_at=now, last_at=now, by=permit.principal.id)
    try:
        surface = surface_of(tools, instructions)
    except InvalidValue as error:
        record(store, replace(seen, problem=str(error)), governing)
        raise
    record(store, replace(seen, surface=surface), governing)


def _approved(pin: Stored[Spec] | None) -> ToolPin | None:
    return pin.spec if pin is not None and isinstance(pin.spec, ToolPin) else None


def _compared(server: str, pinning: Pinning, pin: Stored[Spec] | None, seen: Observation) -> SurfaceReport:
    approved = _approved(pin)
    surface = approved.approved if approved is not None else _NOTHING
    live = seen.surface
    moved = () if seen.problem else changes(surface, live)
    fine = frozenset[str]() if seen.problem or approved is None else usable_tools(surface, live)
    usable = live.names if pinning is Pinning.OBSERVE else fine
    fresh = [one.tool for one in moved if one.tool and one.state is not PinState.GONE]
    return SurfaceReport(
        server=server,
        pinning=pinning,
        pin=pin,
        seen=seen,
        surface=None if seen.problem else surface_text(replace(live, unreadable={})),
        changes=tuple(_told(one, surface, live) for one in moved[:_CHANGES]),
        advice=advice_on(live, fresh, instructions=any(not one.tool for one in moved))[:_ADVICE],
        usable=tuple(sorted(usable)),
        quarantined=tuple(sorted(live.names - usable)),
        unreadable=live.unreadable,
        omitted=max(0, len(moved) - _CHANGES),
    )


def _told(one: ToolChange, approved: ToolSurface, live: ToolSurface) -> Changed:
    shown = tuple(one.differences[:_FIELDS])
    return Changed(
        tool=one.tool,
        state=one.state,
        words=_words(one, approved, live),
        fields=shown,
        omitted=len(one.differences) - len(shown),
    )


def _words(one: ToolChange, approved: ToolSurface, live: ToolSurface) -> tuple[str, ...]:
    if not one.tool:
        return (text_words("instructions", approved.instructions, live.instructions),)
    if one.tool in live.unreadable:
        return (f"unreadable: {live.unreadable[one.tool]}",)
    return tool_words(approved.tools.get(one.tool), live.tools.get(one.tool))
