"""A surface as one JSON text: what a pin holds, and the forms that a server's list is kept in as a file.

The text is canonical but for one thing: a character that nobody sees is written by its number, so that it shows
wherever the text does.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NoReturn

from leasehold.model.canonical_json import canonical_json
from leasehold.model.errors import InvalidValue
from leasehold.model.tool_surfaces import SURFACE_LIMIT, ToolSurface, surface_of

_TEXT_LIMIT = 4 * SURFACE_LIMIT  # with layout, and what a pin leaves out
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")  # letters that print nothing
_BASIC_PLANE = 0xFFFF
_CACHED = 128


def surface_text(surface: ToolSurface) -> str:
    """The text of a surface. Raises `InvalidValue` if a tool of it is unreadable: that would go unsaid."""
    if surface.unreadable:
        name = min(surface.unreadable)
        raise InvalidValue(f"tool `{visible_text(name)}` cannot be pinned: {surface.unreadable[name]}")
    tools = ",".join(f"{canonical_json(name)}:{_nameless(text)}" for name, text in sorted(surface.tools.items()))
    return visible_text(f'{{"instructions":{canonical_json(surface.instructions)},"tools":{{{tools}}}}}')


@lru_cache(maxsize=_CACHED)
def read_surface(text: str) -> ToolSurface:
    """The surface of a text: ours, or an answer to `tools/list`, or its `result`, with `instructions` beside `tools`.

    Raises `InvalidValue` for everything that could be read two ways, one page of several included.
    """
    if len(text) > _TEXT_LIMIT:
        raise InvalidValue(f"a surface is at most {_TEXT_LIMIT} characters of text")
    found = _parsed(text)
    inner = found.get("result", found)
    if not isinstance(inner, dict) or "tools" not in inner:
        raise InvalidValue("a surface is an answer to `tools/list`, or its result: an object with `tools`")
    if inner.get("nextCursor") is not None:
        raise InvalidValue("this is one page of several: put all tools of the server into one list")
    return surface_of(_listed(inner["tools"]), inner.get("instructions", found.get("instructions")))


def visible_text(text: str) -> str:
    """JSON text, or a part of it, with what nobody sees as an escape: the same JSON."""
    if text.isprintable() and _BLANK.isdisjoint(text):
        return text
    return "".join(c if c.isprintable() and c not in _BLANK else _escape(c) for c in text)


def _nameless(definition: str) -> str:
    """The definition without the name that its key says already."""
    parsed: dict[str, object] = json.loads(definition)
    return canonical_json({key: value for key, value in parsed.items() if key != "name"})


def _listed(tools: object) -> object:
    """A list of tools, out of a list or of an object by name."""
    if not isinstance(tools, dict):
        return tools
    for name, tool in tools.items():
        if not isinstance(tool, dict) or tool.get("name", name) != name:
            raise InvalidValue("tools by name must be objects that name no other tool")
    return [{**tool, "name": name} for name, tool in tools.items()]


def _parsed(text: str) -> dict[str, Any]:  # Any: JSON
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InvalidValue("a surface must be one JSON object, every key once") from None
    if not isinstance(found, dict):
        raise InvalidValue("a surface must be one JSON object, every key once")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _escape(character: str) -> str:
    point = ord(character)
    if point <= _BASIC_PLANE:
        return f"\\u{point:04x}"
    high, low = divmod(point - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
