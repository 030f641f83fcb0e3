"""Raw JSON arguments of a call, read so that no two readers can read them differently (RFC 8259 §4, §6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
_MAX_DIGITS = 400


class ArgumentsRefused(ValueError):
    """The arguments are no JSON object that everybody reads alike. Says where, never what."""


def parse_arguments(raw: bytes) -> dict[str, object]:
    """The arguments, numbers with a point as `Decimal`. Raises `ArgumentsRefused`; nothing is repaired or cut."""
    found = parse_strictly(raw)
    if not isinstance(found, dict):
        raise ArgumentsRefused("arguments are not an object")
    return found


def parse_strictly(raw: bytes, limit: int = MAX_BYTES) -> object:
    """Any JSON of less than `limit` bytes, read in the same way. Raises `ArgumentsRefused`."""
    if len(raw) >= limit:
        raise ArgumentsRefused(f"arguments are {limit} bytes or more")
    try:
        text = raw.decode()
        check_depth(text)
        found: object = _STRICT.decode(text)
    except UnicodeDecodeError:
        raise ArgumentsRefused("arguments are not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ArgumentsRefused(f"arguments are not JSON: line {error.lineno}, column {error.colno}") from None
    return found


def check_depth(text: str) -> None:
    """Raise `ArgumentsRefused` for nesting that would exhaust a reader, before one tries."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:  # a letter at a time would take longer than reading it all
        return
    depth, deepest, in_text, escaped = 0, 0, False, False
    for letter in text:
        if in_text:
            in_text, escaped = escaped or letter != '"', letter == "\\" and not escaped
        elif letter == '"':
            in_text = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    if deepest > MAX_DEPTH:
        raise ArgumentsRefused(f"arguments are nested more than {MAX_DEPTH} deep")


def _once(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ArgumentsRefused("arguments name one thing twice")
    return found


def _integer(text: str) -> int:
    return int(text) if len(text) <= _MAX_DIGITS else _no_number(text)


def _decimal(text: str) -> Decimal:
    return Decimal(text) if len(text) <= _MAX_DIGITS else _no_number(text)


def _no_number(_text: str) -> NoReturn:
    raise ArgumentsRefused("arguments hold a number that no reader could keep")


_STRICT = json.JSONDecoder(object_pairs_hook=_once, parse_float=_decimal, parse_int=_integer, parse_constant=_no_number)
