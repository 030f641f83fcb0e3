"""MessagePack as Terraform uses it (https://github.com/msgpack/msgpack/blob/master/spec.md).

Reading yields plain Python; an extension is an unknown value, type 12 with what is known about it all the same.
Writing is done piece by piece into a bytearray, by the types of `cty` that know what they write.
"""

# ruff: noqa: PLR2004 -- the format is made of such bytes

from __future__ import annotations

from struct import error as StructError  # noqa: N812 -- an exception's name, in our style
from struct import pack, unpack_from

from .unknown import UNKNOWN, Refinement, Unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_DEPTH = 64
"""Nesting of collections we follow; configurations of people stay under ten."""
REFINED_UNKNOWN = 12

_UNKNOWN_BYTES = b"\xd4\x00\x00"
_NUMBERS = {
    0xCA: (">f", 4), 0xCB: (">d", 8), 0xCC: (">B", 1), 0xCD: (">H", 2), 0xCE: (">I", 4), 0xCF: (">Q", 8),
    0xD0: (">b", 1), 0xD1: (">h", 2), 0xD2: (">i", 4), 0xD3: (">q", 8),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_STRINGS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_BINARIES = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_ARRAYS = {0xDC: 2, 0xDD: 4}
_MAPS = {0xDE: 2, 0xDF: 4}
_EXTENSIONS = {0xC7: 1, 0xC8: 2, 0xC9: 4}


class MsgpackError(ValueError):
    """The bytes are no MessagePack, or more deeply nested than we follow. Never quotes them."""


def unpack(buffer: bytes) -> Any:
    """Read exactly one value. Raises MsgpackError."""
    try:
        value, end = _read(buffer, 0, 0)
    except (IndexError, StructError, UnicodeDecodeError) as fault:
        raise MsgpackError("malformed msgpack") from fault
    if end != len(buffer):
        raise MsgpackError("bytes left over after a msgpack value")
    return value


def _read(buffer: bytes, at: int, depth: int) -> tuple[Any, int]:  # noqa: C901, PLR0911 -- the hot dispatch of one byte
    code = buffer[at]
    at += 1
    if code < 0x80:
        return code, at
    if code >= 0xE0:
        return code - 256, at
    if 0xA0 <= code < 0xC0:
        return _text(buffer, at, code & 31)
    if code < 0x90:
        return _read_map(buffer, at, code & 15, depth)
    if code < 0xA0:
        return _read_array(buffer, at, code & 15, depth)
    if code in _CONSTANTS:
        return _CONSTANTS[code], at
    if code in _NUMBERS:
        form, width = _NUMBERS[code]
        return unpack_from(form, buffer, at)[0], at + width
    if code in _STRINGS:
        size, at = _size(buffer, at, _STRINGS[code])
        return _text(buffer, at, size)
    if code in _ARRAYS:
        size, at = _size(buffer, at, _ARRAYS[code])
        return _read_array(buffer, at, size, depth)
    if code in _MAPS:
        size, at = _size(buffer, at, _MAPS[code])
        return _read_map(buffer, at, size, depth)
    if code in _BINARIES:
        size, at = _size(buffer, at, _BINARIES[code])
        return _slice(buffer, at, size), at + size
    return _read_extension(buffer, code, at)


def _size(buffer: bytes, at: int, width: int) -> tuple[int, int]:
    return int.from_bytes(_slice(buffer, at, width), "big"), at + width


def _slice(buffer: bytes, at: int, size: int) -> bytes:
    piece = buffer[at : at + size]
    if len(piece) != size:
        raise MsgpackError("truncated msgpack")
    return piece


def _text(buffer: bytes, at: int, size: int) -> tuple[str, int]:
    end = at + size
    if end > len(buffer):
        raise MsgpackError("truncated msgpack")
    return str(buffer[at:end], "utf-8"), end


def _enter(buffer: bytes, at: int, least_bytes: int, depth: int) -> None:
    # A count is a promise of that many bytes: refuse it before making room.
    if least_bytes > len(buffer) - at:
        raise MsgpackError("truncated msgpack")
    if depth >= MAX_DEPTH:
        raise MsgpackError("msgpack nested too deeply")


def _read_array(buffer: bytes, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    _enter(buffer, at, count, depth)
    items = []
    for _ in range(count):
        item, at = _read(buffer, at, depth + 1)
        items.append(item)
    return items, at


def _read_map(buffer: bytes, at: int, count: int, depth: int) -> tuple[dict[Any, Any], int]:
    _enter(buffer, at, 2 * count, depth)
    items: dict[Any, Any] = {}
    for _ in range(count):
        key, at = _read(buffer, at, depth + 1)
        if key.__class__ is not str and key.__class__ is not int:
            raise MsgpackError("a msgpack map key that is neither text nor number")
        items[key], at = _read(buffer, at, depth + 1)
    return items, at


def _read_extension(buffer: bytes, code: int, at: int) -> tuple[Unknown, int]:
    if 0xD4 <= code <= 0xD8:
        size = 1 << (code - 0xD4)
    elif code in _EXTENSIONS:
        size, at = _size(buffer, at, _EXTENSIONS[code])
    else:
        raise MsgpackError("a byte that msgpack does not define")
    kind = buffer[at]
    payload = _slice(buffer, at + 1, size)
    value = Unknown(_refinement(payload)) if kind == REFINED_UNKNOWN else UNKNOWN
    return value, at + 1 + size


def _refinement(payload: bytes) -> Refinement:
    fields = unpack(payload)
    if not isinstance(fields, dict):
        raise MsgpackError("a refinement that is no map")
    refinement = Refinement()
    for key, value in fields.items():
        if key in _REFINERS:
            _REFINERS[key](refinement, value)
    return refinement


def _bound(value: Any) -> tuple[Any, bool]:
    if not isinstance(value, list) or len(value) != 2:
        raise MsgpackError("a number bound that is no pair")
    return value[0], bool(value[1])


def _refine_null(refinement: Refinement, value: Any) -> None:
    refinement.not_null = value is False


def _refine_prefix(refinement: Refinement, value: Any) -> None:
    refinement.string_prefix = str(value)


def _refine_number_min(refinement: Refinement, value: Any) -> None:
    refinement.number_min = _bound(value)


def _refine_number_max(refinement: Refinement, value: Any) -> None:
    refinement.number_max = _bound(value)


def _refine_length_min(refinement: Refinement, value: Any) -> None:
    refinement.length_min = int(value)


def _refine_length_max(refinement: Refinement, value: Any) -> None:
    refinement.length_max = int(value)


_REFINERS: dict[int, Callable[[Refinement, Any], None]] = {
    1: _refine_null,
    2: _refine_prefix,
    3: _refine_number_min,
    4: _refine_number_max,
    5: _refine_length_min,
    6: _refine_length_max,
}


def write_none(out: bytearray) -> None:
    """Write null."""
    out.append(0xC0)


def write_unknown(out: bytearray) -> None:
    """Write the plain unknown; refinements of ours would gain nothing."""
    out += _UNKNOWN_BYTES


def write_bool(value: bool, out: bytearray) -> None:
    """Write true or false."""
    out.append(0xC3 if value else 0xC2)


def write_int(value: int, out: bytearray) -> None:
    """Write a 64-bit signed integer in its shortest form for small numbers. Raises struct.error beyond that."""
    if 0 <= value < 0x80:
        out.append(value)
    elif -32 <= value < 0:
        out.append(value & 0xFF)
    else:
        out += pack(">Bq", 0xD3, value)


def write_float(value: float, out: bytearray) -> None:
    """Write an IEEE double."""
    out += pack(">Bd", 0xCB, value)


def write_str(value: str, out: bytearray) -> None:
    """Write text as UTF-8."""
    raw = value.encode()
    size = len(raw)
    if size < 32:
        out.append(0xA0 | size)
    elif size < 0x100:
        out += bytes((0xD9, size))
    elif size < 0x10000:
        out += pack(">BH", 0xDA, size)
    else:
        out += pack(">BI", 0xDB, size)
    out += raw


def write_bytes(value: bytes, out: bytearray) -> None:
    """Write binary."""
    out += pack(">BI", 0xC6, len(value))
    out += value


def write_array_head(count: int, out: bytearray) -> None:
    """Announce an array of `count` values to follow."""
    _head(count, 0x90, 0xDC, out)


def write_map_head(count: int, out: bytearray) -> None:
    """Announce a map of `count` pairs to follow."""
    _head(count, 0x80, 0xDE, out)


def _head(count: int, short: int, long: int, out: bytearray) -> None:
    if count < 16:
        out.append(short | count)
    elif count < 0x10000:
        out += pack(">BH", long, count)
    else:
        out += pack(">BI", long + 1, count)
