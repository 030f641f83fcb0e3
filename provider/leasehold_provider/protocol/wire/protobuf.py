"""The protocol buffers wire format (https://protobuf.dev/programming-guides/encoding), table driven: dicts in and out.

Unknown fields and known fields of an unexpected wire type are skipped, as protobuf asks. A malformed message raises
ProtobufError, which never quotes it.
"""

# ruff: noqa: PLR2004 -- seven-bit groups and wire types are the format

from __future__ import annotations

from .tfplugin6 import MESSAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Message = dict[str, Any]

MAX_DEPTH = 32
"""Nesting of messages we follow; the deepest request of the protocol has four levels."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class ProtobufError(ValueError):
    """The bytes are no message of the wire format, or too deeply nested."""


class _Field:
    """One field of a message, compiled from its line in the table."""

    __slots__ = ("kind", "mark", "name", "tag", "wire_type")

    def __init__(self, notation: str) -> None:
        head, number = notation.split("=")
        self.name, kind = head.split(":")
        self.mark = kind[-1] if kind[-1] in "*?%" else ""
        self.kind = kind.rstrip("*?%")
        self.wire_type = VARINT if self.kind in ("t", "i") else BYTES
        self.tag = encode_varint(int(number) << 3 | self.wire_type)


_BY_NUMBER: dict[str, dict[int, _Field]] = {}
_BY_NAME: dict[str, dict[str, _Field]] = {}


def _compile(message: str) -> dict[int, _Field]:
    fields = [_Field(notation) for notation in MESSAGES[message].split()]
    _BY_NAME[message] = {field.name: field for field in fields}
    numbered = _BY_NUMBER[message] = {decode_varint(field.tag, 0)[0] >> 3: field for field in fields}
    return numbered


def decode(message: str, buffer: bytes) -> Message:
    """Read a message; absent fields are absent from the dict. Raises ProtobufError."""
    try:
        return _decode(message, buffer, 0)
    except (IndexError, UnicodeDecodeError) as fault:
        raise ProtobufError("malformed protobuf") from fault


def _decode(message: str, buffer: bytes, depth: int) -> Message:
    if depth > MAX_DEPTH:
        raise ProtobufError("protobuf nested too deeply")
    fields = _BY_NUMBER.get(message) or _compile(message)
    values: Message = {}
    at, end = 0, len(buffer)
    while at < end:
        tag, at = decode_varint(buffer, at)
        field = fields.get(tag >> 3)
        wire_type = tag & 7
        if wire_type == VARINT:
            number, at = decode_varint(buffer, at)
            if field is not None and field.wire_type == VARINT:
                _store(values, field, _scalar(field.kind, number))
        elif wire_type == BYTES:
            size, at = decode_varint(buffer, at)
            piece = buffer[at : at + size]
            at += size
            if field is not None:
                _store_bytes(values, field, piece, depth)
        else:
            at += _fixed_width(tag)
    if at != end:
        raise ProtobufError("truncated protobuf")
    return values


def _fixed_width(tag: int) -> int:
    if tag >> 3 and tag & 7 == FIXED32:
        return 4
    if tag >> 3 and tag & 7 == FIXED64:
        return 8
    raise ProtobufError("a protobuf wire type that is not in use")


def _store_bytes(values: Message, field: _Field, piece: bytes, depth: int) -> None:
    kind = field.kind
    if kind == "b":
        _store(values, field, piece)
    elif kind == "s":
        _store(values, field, str(piece, "utf-8"))
    elif field.wire_type == BYTES:
        _store(values, field, _decode(kind, piece, depth + 1))
    elif field.mark == "*":  # packed: allowed for any repeated scalar
        for number in _packed(piece):
            _store(values, field, _scalar(kind, number))


def _packed(piece: bytes) -> Iterator[int]:
    at = 0
    while at < len(piece):
        number, at = decode_varint(piece, at)
        yield number


def _store(values: Message, field: _Field, value: Any) -> None:
    if not field.mark or field.mark == "?":
        values[field.name] = value
    elif field.mark == "*":
        values.setdefault(field.name, []).append(value)
    else:
        values.setdefault(field.name, {})[value.get("key", "")] = value.get("value")


def _scalar(kind: str, number: int) -> Any:
    if kind == "t":
        return number != 0
    return number - (1 << 64) if number >> 63 else number


def decode_varint(buffer: bytes, at: int) -> tuple[int, int]:
    """Read one varint of at most ten bytes; return it and where it ends. Raises ProtobufError or IndexError."""
    byte = buffer[at]
    if byte < 0x80:
        return byte, at + 1
    value = byte & 0x7F
    for shift in range(7, 70, 7):
        at += 1
        byte = buffer[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at + 1
    raise ProtobufError("a varint of more than ten bytes")


def encode_varint(number: int) -> bytes:
    """Write one varint; a negative number takes ten bytes, as protobuf asks."""
    if 0 <= number < 0x80:
        return _ONE_BYTE[number]
    number &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE = [bytes((number,)) for number in range(0x80)]


def encode(message: str, values: Message) -> bytes:
    """Write a message. None means absent; zero values are left out unless the field has presence."""
    if message not in _BY_NAME:
        _compile(message)
    fields = _BY_NAME[message]
    parts: list[bytes] = []
    for name, value in values.items():
        if value is not None:
            _encode_field(fields[name], value, parts)
    return b"".join(parts)


def _encode_field(field: _Field, value: Any, parts: list[bytes]) -> None:
    if field.mark == "%":
        for key, item in value.items():
            _encode_one(field, {"key": key, "value": item}, parts)
    elif field.mark == "*":
        for item in value:
            _encode_one(field, item, parts)
    elif value or field.mark == "?" or isinstance(value, dict):
        _encode_one(field, value, parts)


def _encode_one(field: _Field, value: Any, parts: list[bytes]) -> None:
    parts.append(field.tag)
    if field.wire_type == VARINT:
        parts.append(encode_varint(int(value)))
        return
    if field.kind == "s":
        value = value.encode()
    elif field.kind != "b":
        value = encode(field.kind, value)
    parts.append(encode_varint(len(value)))
    parts.append(value)
