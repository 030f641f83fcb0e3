"""What a tool server shows a model, all of it, hashed; and what differs from what was approved.

The whole set of a server is one surface: name, title, description, schemas and annotations of every tool, and the
server's instructions. A rename would defeat a hash per tool, so a name that nobody approved is quarantined, too.
Unicode is not normalised: a model sees other characters, so the hash is another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from leasehold.model.canonical_json import canonical_json
from leasehold.model.errors import InvalidValue

_PARTS = ("name", "title", "description", "inputSchema", "outputSchema", "annotations")
_DOMAIN = b"leasehold tool surface 1\n"
TOOLS_MAX = 2000
TOOL_LIMIT = 262_144
"""Characters of one tool's definition."""
SURFACE_LIMIT = 1_048_576
"""Characters of a whole surface, its instructions included."""
INSTRUCTIONS_LIMIT = 65_536
_NAME_LIMIT = 256


class PinState(StrEnum):
    """How a tool, or the instructions of its server, stand to what was approved."""

    PINNED = "pinned"
    FIRST_SEEN = "first_seen"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class ToolSurface:
    """A server's tools by name, each as canonical JSON of what a model is shown, and its instructions.

    `unreadable` names the tools that have no canonical form, or one that is too large, and says why: nobody can
    approve them.
    """

    instructions: str
    tools: Mapping[str, str]
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the whole; the order in which tools were listed is no part of it."""
        parts: dict[str, object] = {"instructions": self.instructions, "tools": dict(self.tools)}
        if self.unreadable:
            parts["unreadable"] = dict(self.unreadable)
        return hashlib.sha256(_DOMAIN + canonical_json(parts).encode()).hexdigest()

    @property
    def names(self) -> frozenset[str]:
        """Every tool that is listed, readable or not."""
        return frozenset(self.tools.keys() | self.unreadable.keys())


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
    """The surface of what a server listed, parsed JSON: all pages of it.

    Raises `InvalidValue` for what could be read two ways, or is larger than anybody reviews. A single tool that has no
    canonical form spoils no other: it is unreadable.
    """
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise InvalidValue("tools must be a list of objects")
    if len(tools) > TOOLS_MAX:
        raise InvalidValue(f"{len(tools)} tools are listed, more than {TOOLS_MAX}")
    said = _instructions(instructions)
    found: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    room = SURFACE_LIMIT - len(said)
    for tool in tools:
        name = _name(tool)
        if name in found or name in unreadable:
            raise InvalidValue("a tool is listed twice")
        try:
            found[name] = _definition(tool)
        except InvalidValue as error:
            unreadable[name] = str(error)
        room -= len(found.get(name, name))
        if room < 0:
            raise InvalidValue(f"what is listed is over {SURFACE_LIMIT} characters")
    return ToolSurface(said, found, unreadable)


def changes(approved: ToolSurface, live: ToolSurface) -> tuple[ToolChange, ...]:
    """Everything that is not as approved, by name; the instructions first."""
    found = []
    if approved.instructions != live.instructions:
        texts = (canonical_json(approved.instructions), canonical_json(live.instructions))
        found.append(ToolChange("", PinState.CHANGED, (SurfaceDifference("/instructions", *texts),)))
    for name in sorted(approved.tools.keys() | live.names):
        before, after = approved.tools.get(name), live.tools.get(name)
        if name in live.unreadable:
            state = PinState.CHANGED if before is not None else PinState.FIRST_SEEN
            found.append(ToolChange(name, state, (SurfaceDifference("", before, None),)))
        elif before != after:
            found.append(ToolChange(name, _state(before, after), tuple(_differences(before, after))))
    return tuple(found)


def surface_leaves(surface: ToolSurface) -> dict[str, str]:
    """Every value that holds no other, as JSON text, by its JSON pointer: `/tools/send/inputSchema/type`."""
    found = {"/instructions": canonical_json(surface.instructions)}
    for name, text in surface.tools.items():
        found |= _leaves(f"/tools/{_token(name)}", json.loads(text))
    return found


def usable_tools(approved: ToolSurface | None, live: ToolSurface) -> frozenset[str]:
    """The tools that may be listed and called: the others are hidden and denied until somebody approves them.

    Instructions speak about every tool: where they changed, none is usable. Nothing approved, nothing usable.
    """
    if approved is None or approved.instructions != live.instructions:
        return frozenset()
    return frozenset(name for name, shown in live.tools.items() if approved.tools.get(name) == shown)


def _instructions(said: object) -> str:
    if not isinstance(said, str | None):
        raise InvalidValue("instructions must be text")
    if said is not None and len(said) > INSTRUCTIONS_LIMIT:
        raise InvalidValue(f"instructions are over {INSTRUCTIONS_LIMIT} characters")
    canonical_json(said)
    return said or ""


def _name(tool: Mapping[str, object]) -> str:
    name = tool.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidValue("every tool must have a name")
    if len(name) > _NAME_LIMIT:
        raise InvalidValue(f"a tool's name is over {_NAME_LIMIT} characters")
    canonical_json(name)
    return name


def _definition(tool: Mapping[str, object]) -> str:
    shown = {part: tool[part] for part in _PARTS if part in tool}
    too_large = InvalidValue(f"the definition is over {TOOL_LIMIT} characters")
    try:
        rough = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))  # fast, and within a few characters
    except (RecursionError, TypeError, ValueError):
        raise InvalidValue("the definition is nested too deeply, or no JSON") from None
    if len(rough) > 2 * TOOL_LIMIT:  # `1E+2` is `100`: the canonical form may be shorter, though not by half
        raise too_large
    text = canonical_json(shown)
    if len(text) > TOOL_LIMIT:
        raise too_large
    return text


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
            found |= _leaves(f"{path}/{_token(str(key))}", inner)
        return found
    return {path: canonical_json(value)}


def _token(key: str) -> str:
    """A key as a part of a pointer (RFC 6901 §3)."""
    return key.replace("~", "~0").replace("/", "~1")
