"""Which tools may be shown and called: those whose last sighting is what was approved. In the hot path.

A list that was seen before, byte for byte, is judged without reading it again. What differs is written down before the
answer is given, at most every few seconds for one server; the verdict waits for nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from leasehold.model.errors import InvalidValue
from leasehold.model.observations import Marks, Observation
from leasehold.model.pins import ToolPin
from leasehold.model.tool_surfaces import ToolSurface, surface_of
from leasehold.model.tools import Pinning
from leasehold.surfaces.ports import Governing, Pins, Store
from leasehold.surfaces.recording import record
from leasehold.surfaces.sightings import Sightings

Definition = Mapping[str, Any]
"""One tool as its server lists it: parsed JSON of `Tool`. Any: JSON."""
FOLLOWED_EVERY = timedelta(seconds=1)
RECORDED_EVERY = timedelta(seconds=5)
GATEWAY = "leasehold:gateway"
_LISTS_KNOWN = 16
_EMPTY = ToolSurface("", {})


@dataclass(slots=True)
class _Server:
    """One server as this process knows it. `latest` is the digest of the newest observation on record."""

    sightings: Sightings = field(default_factory=Sightings)
    known: OrderedDict[bytes, ToolSurface | str] = field(default_factory=OrderedDict)
    latest: str = ""
    recorded_version: int = -1
    recorded_at: datetime | None = None
    pin: tuple[ToolPin, ToolSurface] | None = None

    def approved(self, pin: ToolPin | None) -> ToolSurface | None:
        """The pin's surface, read once."""
        if pin is None:
            return None
        if self.pin is None or self.pin[0] is not pin:
            self.pin = (pin, pin.approved)
        return self.pin[1]

    def surface(self, pin: ToolPin | None) -> ToolSurface:
        """All that was seen. Instructions that nobody saw yet are no change of the approved ones."""
        surface, approved = self.sightings.surface, self.approved(pin)
        unheard = self.sightings.instructions is None and approved is not None
        return replace(surface, instructions=approved.instructions) if unheard and approved else surface


class Surfaces:
    """Judges what tool servers show. One event loop calls it; the store is asked beside the loop."""

    def __init__(self, store: Store, pins: Pins, clock: Callable[[], datetime], by: str = GATEWAY) -> None:
        self._store, self._pins, self._clock, self._by = store, pins, clock, by
        self._servers: dict[str, _Server] = {}
        self._followed_at: datetime | None = None

    async def judged(
        self, server: str, tools: Sequence[Definition], instructions: str | None, *, whole: bool = True
    ) -> frozenset[str]:
        """The names of this list that may be shown. `instructions`: None where they were not seen.

        `whole` unless the list is one page of several. Raises `Unavailable`: nobody knows the pins, or what was seen
        could not be written down.
        """
        governing, one = await self._known(server)
        now = self._clock()
        listed = _read(one, tools)
        if isinstance(listed, str):
            one.sightings.refuse(listed)
        else:
            one.sightings.see(listed, now, instructions=instructions, whole=whole)
        await self._record(server, one, governing, now)
        if governing.pinning is Pinning.OBSERVE:
            return frozenset(name for tool in tools if isinstance(name := tool.get("name"), str))
        names = listed.names if isinstance(listed, ToolSurface) else ()
        return one.sightings.usable(one.approved(governing.pin), names)

    async def approved(self, server: str, tool: str) -> bool:
        """May this tool be called? Not before its server was seen to show it as approved. Raises `Unavailable`."""
        governing, one = await self._known(server)
        if governing.pinning is Pinning.OBSERVE:
            return True
        return bool(one.sightings.usable(one.approved(governing.pin), (tool,)))

    def seen(self, server: str, tool: str) -> str | None:
        """The definition that was last seen of a tool, as JSON; None where nobody saw it, or nobody could read it."""
        one = self._servers.get(server)
        return one.sightings.definition(tool) if one is not None else None

    async def instructed(self, server: str, instructions: str) -> bool:
        """May these instructions be shown? Others than the approved ones quarantine the whole server."""
        governing, one = await self._known(server)
        now = self._clock()
        one.sightings.hear(instructions, now)
        await self._record(server, one, governing, now)
        approved = one.approved(governing.pin)
        as_approved = approved is not None and approved.instructions == instructions
        return governing.pinning is Pinning.OBSERVE or as_approved

    async def _known(self, server: str) -> tuple[Governing, _Server]:
        governing = self._pins.governing(server)
        if governing is None:
            return Governing(Pinning.REQUIRED, None), _Server()
        if (one := self._servers.get(server)) is None:
            seen = await asyncio.to_thread(self._latest, server)
            one = self._servers.setdefault(server, _Server())
            _adopt(one, seen)
        await self._follow()
        return governing, one

    async def _follow(self) -> None:
        """What other processes saw meanwhile."""
        now = self._clock()
        if self._followed_at is not None and abs(now - self._followed_at) < FOLLOWED_EVERY:
            return
        self._followed_at = now
        marks = await asyncio.to_thread(self._marks)
        for server, one in list(self._servers.items()):
            mark = marks.get(server)
            if mark is not None and mark.digest != one.latest:
                _adopt(one, await asyncio.to_thread(self._latest, server))

    async def _record(self, server: str, one: _Server, governing: Governing, now: datetime) -> None:
        """Write down what is new. INVARIANT: the verdict is made of the sightings, whatever is on record."""
        late = one.recorded_at is not None and abs(now - one.recorded_at) < RECORDED_EVERY
        version = one.sightings.version
        if late or version == one.recorded_version:
            return
        surface = _EMPTY if one.sightings.problem else one.surface(governing.pin)
        seen = Observation(
            server=server, surface=surface, first_at=now, last_at=now, by=self._by, problem=one.sightings.problem
        )
        digest = seen.digest
        if digest != one.latest:
            await asyncio.to_thread(record, self._store, seen, governing)
            one.latest, one.recorded_at = digest, now
        one.recorded_version = version

    def _latest(self, server: str) -> Observation | None:
        with self._store.read() as unit:
            return unit.observations.latest((server,)).get(server)

    def _marks(self) -> Marks:
        with self._store.read() as unit:
            return unit.observations.marks()


def _adopt(one: _Server, seen: Observation | None) -> None:
    if seen is not None:
        one.sightings.adopt(seen)
        one.latest = seen.digest


def _read(one: _Server, tools: Sequence[Definition]) -> ToolSurface | str:
    """The surface of a list, or what is wrong with it; of lists that were read before, the same object."""
    try:
        key = hashlib.sha256(orjson.dumps(tools)).digest()
    except TypeError:  # half a surrogate pair, an integer over 64 bits: not worth remembering
        return _surface(tools)
    found = one.known.get(key)
    if found is None:
        found = one.known[key] = _surface(tools)
        if len(one.known) > _LISTS_KNOWN:
            one.known.popitem(last=False)
    else:
        one.known.move_to_end(key)
    return found


def _surface(tools: Sequence[Definition]) -> ToolSurface | str:
    try:
        return surface_of(list(tools))
    except InvalidValue as error:
        return str(error)
