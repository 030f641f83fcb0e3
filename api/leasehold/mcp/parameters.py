"""`Mcp-Param-*`: arguments that a schema has mirrored into headers, held against the body (MCP 2026-07-28, SEP-2243).

Whoever routes by such a header must not be fooled: what the tool server will act on is the body. Where the definition
of the tool is known, each header it names is there with its argument, and says the same. Where it is not known, a
header says what some argument says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache

import orjson

from leasehold.mcp.headers import PARAMETER, Era, Headers, decoded
from leasehold.mcp.refusals import HEADER_MISMATCH, Refused

_ANNOTATION = "x-mcp-header"
_NUMBER = re.compile(r"-?[0-9]{1,64}(\.[0-9]{1,64})?")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110 §5.6.2
_DEEPEST = 16
_Path = tuple[str, ...]


def check_parameters(headers: Headers, arguments: Mapping[str, object], definition: str | None, era: Era) -> None:
    """Raise `Refused` where headers and arguments differ. `definition`: JSON with the tool's `inputSchema`."""
    mirrored = _mirrored(definition) if definition is not None else {}
    said = {name: value for name, value in headers.items() if name.startswith(PARAMETER)}
    if not said and (not mirrored or era is Era.HANDSHAKE):
        return
    for name, value in said.items():
        path = mirrored.get(name)
        candidates = [_at(arguments, path)] if path is not None else list(_scalars(arguments, _DEEPEST))
        if (definition is None or path is not None) and not any(_says(value, one) for one in candidates):
            raise _mismatch(name)
    for name, path in mirrored.items() if era is Era.MODERN else ():
        if name not in said and _is_scalar(_at(arguments, path)):
            raise _mismatch(name)


@lru_cache(maxsize=512)
def _mirrored(definition: str) -> Mapping[str, _Path]:
    """Which argument each header mirrors; nothing where a header would mirror two, or has no name of a header."""
    found: dict[str, _Path] = {}
    for path, name in _annotated(orjson.loads(definition).get("inputSchema"), ()):
        key = f"{PARAMETER}{name.lower()}"
        if key in found or _TOKEN.fullmatch(name) is None:
            return {}  # clients drop such a tool
        found[key] = path
    return found


def _annotated(schema: object, path: _Path) -> Iterator[tuple[_Path, str]]:
    """Properties with the annotation, reached through properties alone."""
    if not isinstance(schema, dict) or len(path) > _DEEPEST:
        return
    name = schema.get(_ANNOTATION)
    if path and isinstance(name, str):
        yield path, name
    properties = schema.get("properties")
    for key, inner in properties.items() if isinstance(properties, dict) else ():
        yield from _annotated(inner, (*path, key))


def _at(arguments: Mapping[str, object], path: _Path) -> object:
    found: object = arguments
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _scalars(value: object, deep: int) -> Iterator[object]:
    if isinstance(value, Mapping):
        for inner in value.values() if deep else ():
            yield from _scalars(inner, deep - 1)
    else:
        yield value


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | Decimal)


def _says(value: str, argument: object) -> bool:
    """True if a header's value is this argument's. Numbers are compared as numbers: 42 is 42.0."""
    said = decoded(value)
    if isinstance(argument, bool):
        return said == ("true" if argument else "false")
    if isinstance(argument, str):
        return said == argument
    if isinstance(argument, int | float | Decimal):
        return said is not None and _NUMBER.fullmatch(said) is not None and Decimal(said) == Decimal(argument)
    return False


def _mismatch(name: str) -> Refused:
    return Refused(400, HEADER_MISMATCH, f"{name[:64]} header does not match the arguments", reason="header_mismatch")
