"""What a tool server shows a model, all of it, hashed; and what differs from what was approved.

The whole set of a server is one surface: name, title, description, schemas and annotations of every tool, and the
server's instructions. A rename would defeat a hash per tool, so a name that nobody approved is quarantined, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from leasehold.model.canonical_json import canonical_json
from leasehold.model.errors import InvalidValue

_PARTS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_DOMAIN = b"leasehold tool surface 1\n"


class PinState(StrEnum):
    """How a tool, or the instructions of its server, stand to what was approved."""

    PINNED = "pinned"
    FIRST_SEEN = "first_seen"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class ToolSurface:
    """A server's tools by name, each as canonical JSON of what a model is shown, and its instructions."""

    instructions: str
    tools: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of the whole; the order in which tools were listed is no part of it."""
        whole = canonical_json({"instructions": self.instructions, "tools": dict(self.tools)})
        return hashlib.sha256(_DOMAIN + whole.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SurfaceDifference:
    """One part that differs: `path` in the tool (`/inputSchema/properties/to`), and both values as canonical JSON."""

    path: str
    approved: str | None
    live: str | None


@dataclass(frozen=True, slots=True)
class ToolChange:
    """A tool that is not what was approved; `tool` is empty for the instructions."""

    tool: str
    state: PinState
    differences: tuple[SurfaceDifference, ...]


def surface_of(tools: object, instructions: object = None) -> ToolSurface:
    """The surface of what a server listed, parsed JSON. Raises `InvalidValue` for what could be read two ways."""
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise InvalidValue("tools must be a list of objects")
    if not isinstance(instructions, str | None):
        raise InvalidValue("instructions must be text")
    found: dict[str, str] = {}
    for tool in tools:
        name = tool.get("name")
        if not isinstance(name, str) or not name:
            raise InvalidValue("every tool must have a name")
        if name in found:
            raise InvalidValue("a tool is listed twice")
        found[name] = canonical_json({part: tool[part] for part in _PARTS if part in tool})
    return ToolSurface(instructions or "", found)


def changes(approved: ToolSurface, live: ToolSurface) -> tuple[ToolChange, ...]:
    """Everything that is not as approved, by name; the instructions first."""
    found = []
    if approved.instructions != live.instructions:
        texts = (canonical_json(approved.instructions), canonical_json(live.instructions))
        found.append(ToolChange("", PinState.CHANGED, (SurfaceDifference("/instructions", *texts),)))
    for name in sorted(approved.tools.keys() | live.tools.keys()):
        before, after = approved.tools.get(name), live.tools.get(name)
        if before != after:
            found.append(ToolChange(name, _state(before, after), tuple(_differences(before, after))))
    return tuple(found)


def usable_tools(approved: ToolSurface | None, live: ToolSurface) -> frozenset[str]:
    """The tools that may be listed and called: the others are hidden and denied until somebody approves them.

    Instructions speak about every tool: where they changed, none is usable. Nothing approved, nothing usable.
    """
    if approved is None or approved.instructions != live.instructions:
        return frozenset()
    return frozenset(name for name, shown in live.tools.items() if approved.tools.get(name) == shown)


def _state(before: str | None, after: str | None) -> PinState:
    if before is None:
        return PinState.FIRST_SEEN
    return PinState.GONE if after is None else PinState.CHANGED


def _differences(before: str | None, after: str | None) -> list[SurfaceDifference]:
    ours, theirs = (_leaves("", json.loads(text)) if text is not None else {} for text in (before, after))
    return [
        SurfaceDifference(path, ours.get(path), theirs.get(path))
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path)
    ]


def _leaves(path: str, value: Any) -> dict[str, str]:  # Any: JSON
    """Every value that holds no other, by its JSON pointer (RFC 6901)."""
    if isinstance(value, dict | list) and value:
        members = value.items() if isinstance(value, dict) else enumerate(value)
        found: dict[str, str] = {}
        for key, inner in members:
            found |= _leaves(f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}", inner)
        return found
    return {path: canonical_json(value)}
