"""Values that bring their own type: finding the type, parsing its notation, inferring it for plain Python."""

from __future__ import annotations

from .cty import Bool, CtyError, Dynamic, DynamicValue, List, Map, Number, Object, Set, String, Tuple
from .unknown import Unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .cty import Type

_PRIMITIVES = {"string": String, "number": Number, "bool": Bool, "dynamic": Dynamic}
_COLLECTIONS: Mapping[str, Callable[[Type], Type]] = {"list": List, "set": Set, "map": Map}
_MAX_NOTATION = 1 << 20
"""Longest type notation in bytes that we parse."""
_MAX_DEPTH = 64


def split_dynamic(raw: Any) -> tuple[Any, Any]:
    """Take apart MessagePack's `[type, value]` or a JSON state's `{"type": …, "value": …}`. Raises CtyError."""
    if isinstance(raw, list) and len(raw) == 2:  # noqa: PLR2004 -- a pair
        return _notation(raw[0]), raw[1]
    if isinstance(raw, dict) and raw.keys() == {"type", "value"}:
        return raw["type"], raw["value"]
    raise CtyError("a value with its type")


def _notation(raw: Any) -> Any:
    import json  # noqa: PLC0415 -- dynamic values are rare

    if not isinstance(raw, (bytes, str)) or len(raw) > _MAX_NOTATION:
        raise CtyError("a type")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise CtyError("a type") from None


def parse_type(notation: Any, depth: int = 0) -> Type:
    """Build a type from its decoded JSON notation. Raises CtyError."""
    if isinstance(notation, str) and notation in _PRIMITIVES:
        return _PRIMITIVES[notation]
    if depth > _MAX_DEPTH or not isinstance(notation, list) or len(notation) < 2:  # noqa: PLR2004 -- word and inner
        raise CtyError("a type")
    word, inner = notation[0], notation[1]
    if isinstance(word, str) and word in _COLLECTIONS:
        return _COLLECTIONS[word](parse_type(inner, depth + 1))
    if word == "object" and isinstance(inner, dict):
        return Object({name: parse_type(item, depth + 1) for name, item in inner.items()})
    if word == "tuple" and isinstance(inner, list):
        return Tuple([parse_type(item, depth + 1) for item in inner])
    raise CtyError("a type")


def infer_type(value: Any) -> Type:
    """Choose the type a literal of this shape has in HCL: a list is a tuple, a dict an object. Raises CtyError."""
    if isinstance(value, DynamicValue):
        return value.type
    if isinstance(value, bool):
        return Bool
    if isinstance(value, str):
        return String
    if isinstance(value, dict):
        return Object({str(name): _inner(item) for name, item in value.items()})
    if isinstance(value, (list, tuple)):
        return Tuple([_inner(item) for item in value])
    return Number


def _inner(value: Any) -> Type:
    # A number of any kind is one: `infer_type` takes for a number whatever it does not know.
    return Dynamic if value is None or isinstance(value, (DynamicValue, Unknown)) else infer_type(value)
