"""Wiring of approved surfaces: the pins that the decision point has in memory, for the gateway's hot path."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from leasehold.decisions.current import Current
from leasehold.model.errors import Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.pins import ToolPin
from leasehold.model.tools import ToolServer
from leasehold.surfaces.judging import Surfaces
from leasehold.surfaces.ports import Governing, Store


class CurrentPins:
    """The pins as the registry was seen to have them within the bound that decisions are held to."""

    def __init__(self, current: Current, clock: Callable[[], datetime]) -> None:
        self._current, self._clock = current, clock

    def governing(self, server: str) -> Governing | None:
        """What decides about a server's tools; None if nobody declared it. Raises `Unavailable`."""
        state = self._current.state(self._clock())
        if state is None:
            raise Unavailable("nobody can say what is approved")
        spec = state.seen.objects[Kind.TOOL_SERVERS].get(server)
        pin = state.seen.objects[Kind.TOOL_PINS].get(server)
        if not isinstance(spec, ToolServer):
            return None
        return Governing(spec.pinning, pin if isinstance(pin, ToolPin) else None)


def pinned_surfaces(store: Store, current: Current, clock: Callable[[], datetime]) -> Surfaces:
    """What the gateway shows and calls of tool servers."""
    return Surfaces(store, CurrentPins(current, clock), clock)
