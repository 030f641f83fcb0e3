"""What one server was last seen to show, tool by tool.

Lists come in pages, and a server may list to each of its users what they may call: a tool that one list leaves out is
not gone by that. It is gone when no list has named it for an hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from leasehold.model.observations import Observation
from leasehold.model.tool_surfaces import SURFACE_LIMIT, TOOLS_MAX, ToolSurface, usable_tools

GONE_AFTER = timedelta(hours=1)


@dataclass(slots=True)
class _Sighting:
    """A definition, or why it is unreadable; one of them is None. `at`: when it was last seen to be so."""

    text: str | None
    reason: str | None
    at: datetime


@dataclass(slots=True)
class Sightings:
    """One server's. `problem`: its last list could be read two ways, and until the next one nothing of it is usable.

    `instructions` is None until they were seen. `version` counts what changed.
    """

    instructions: str | None = None
    problem: str = ""
    version: int = 0
    _tools: dict[str, _Sighting] = field(default_factory=dict)
    _heard_at: datetime | None = None

    def see(self, listed: ToolSurface, now: datetime, *, instructions: str | None, whole: bool) -> None:
        """A list that was read; `whole` unless it is one page of several."""
        self._judge("")
        self._take(listed, now)
        if whole:
            self._drop(name for name, one in self._tools.items() if now - one.at > GONE_AFTER)
        if len(self._tools) > TOOLS_MAX or sum(len(one.text or "") for one in self._tools.values()) > SURFACE_LIMIT:
            self._drop(self._tools.keys() - listed.names)
        if instructions is not None:
            self.hear(instructions, now)

    def hear(self, instructions: str, now: datetime) -> None:
        """Instructions that the server gave."""
        self.version += self.instructions != instructions
        self.instructions, self._heard_at = instructions, now

    def refuse(self, problem: str) -> None:
        """A list that cannot be read."""
        self._judge(problem)

    def adopt(self, seen: Observation) -> None:
        """What another process saw, where that is newer."""
        self._judge(seen.problem)
        if seen.problem:
            return
        self._take(seen.surface, seen.last_at)
        if self._heard_at is None or seen.last_at > self._heard_at:
            self.hear(seen.surface.instructions, seen.last_at)

    @property
    def surface(self) -> ToolSurface:
        """All of it as one surface."""
        return ToolSurface(
            self.instructions or "",
            {name: one.text for name, one in self._tools.items() if one.text is not None},
            {name: one.reason for name, one in self._tools.items() if one.reason is not None},
        )

    def definition(self, tool: str) -> str | None:
        """What was last seen of one tool."""
        one = self._tools.get(tool)
        return one.text if one is not None and not self.problem else None

    def usable(self, approved: ToolSurface | None, names: Iterable[str]) -> frozenset[str]:
        """Those of the names whose last sighting is as approved."""
        if approved is None or self.problem or self.instructions not in {None, approved.instructions}:
            return frozenset()
        sighted = {name: one.text for name in names if (one := self._tools.get(name)) is not None}
        readable = {name: text for name, text in sighted.items() if text is not None}
        return usable_tools(approved, ToolSurface(approved.instructions, readable))

    def _take(self, listed: ToolSurface, at: datetime) -> None:
        for name in listed.names:
            known, text, reason = self._tools.get(name), listed.tools.get(name), listed.unreadable.get(name)
            if known is None or (at >= known.at and (known.text != text or known.reason != reason)):
                self._tools[name] = _Sighting(text, reason, at)
                self.version += 1
            elif at >= known.at:
                known.at = at

    def _drop(self, names: Iterable[str]) -> None:
        for name in list(names):
            del self._tools[name]
            self.version += 1

    def _judge(self, problem: str) -> None:
        self.version += self.problem != problem
        self.problem = problem
