"""What a tool server shows a model, as JSON text: the forms that a pin takes, and when two of them say the same.

The registry has the last word: it refuses what could be read two ways, and gives each surface its digest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PARTS = ("title", "description", "inputSchema", "outputSchema", "annotations")
_LIMIT = 4 * 1_048_576
_EXACT = 2**53


def check_surface(value: str) -> str | None:
    """Complain unless `value` is an answer to `tools/list`, its result, or tools by name, as JSON text."""
    if len(value) > _LIMIT:
        return f"must be at most {_LIMIT} characters"
    return (
        None
        if plain_surface(value) is not None
        else "must be a whole answer to `tools/list`, or its result, as JSON text"
    )


def same_surface(one: object, other: object) -> bool:
    """True if both are the same surface, whatever the order, the layout, and what no model is shown."""
    if one == other:
        return True
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    left = plain_surface(one)
    return left is not None and left == plain_surface(other)


def plain_surface(text: str) -> str | None:
    """One text for one surface; None if it is no surface."""
    import json  # noqa: PLC0415 -- few resources have one

    try:
        found = json.loads(text, parse_float=_number)
        inner = found.get("result", found)
        tools = _by_name(inner["tools"])
        said = inner.get("instructions", found.get("instructions")) or ""
        if inner.get("nextCursor") is not None or not isinstance(said, str):
            return None
        # in JSON, unlike in Python, `true` is not `1`: texts are compared, not values
        return json.dumps({"instructions": said, "tools": tools}, sort_keys=True, allow_nan=False)
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return None


def _by_name(tools: Any) -> dict[str, dict[str, Any]]:  # Any: JSON
    """What a model is shown of each tool. Raises `ValueError`, `KeyError`, `TypeError` for what is no list of tools."""
    listed = tools if isinstance(tools, list) else [{"name": name, **tool} for name, tool in tools.items()]
    found = {str(tool["name"]): {part: tool[part] for part in _PARTS if part in tool} for tool in listed}
    if len(found) != len(listed):
        raise ValueError("a tool is listed twice")
    if not isinstance(tools, list) and found.keys() != tools.keys():
        raise ValueError("a tool names itself otherwise than its key does")
    return found


def _number(digits: str) -> float:
    """`100.0` and `1e2` are `100` (RFC 8785 §3.2.2.3)."""
    value = float(digits)
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value
