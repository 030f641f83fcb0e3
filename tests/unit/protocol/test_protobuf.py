"""The wire format against the real protobuf, built from our own table: it checks the codec, terraform the table."""

from contextlib import suppress
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as st

from leasehold_provider.protocol.wire import protobuf
from leasehold_provider.protocol.wire.protobuf import ProtobufError, decode, encode
from leasehold_provider.protocol.wire.tfplugin6 import MESSAGES

_KINDS = {"s": 9, "b": 12, "t": 8, "i": 3}


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    for message, notation in MESSAGES.items():
        described = file.message_type.add(name=message.replace(".", "__"))
        for item in notation.split():
            head, number = item.split("=")
            name, kind = head.split(":")
            mark, kind = (kind[-1], kind[:-1]) if kind[-1] in "*?%" else ("", kind)
            field = described.field.add(name=name, number=int(number), label=3 if mark in ("*", "%") else 1)
            field.type = _KINDS.get(kind, 11)
            if kind not in _KINDS:
                field.type_name = f".t.{kind.replace('.', '__')}"
            if mark == "?" and kind in _KINDS:
                field.proto3_optional = True
                field.oneof_index = len(described.oneof_decl)
                described.oneof_decl.add(name=f"_{name}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()


def oracle(message: str) -> Any:
    """Return protobuf's own class for a message."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"t.{message.replace('.', '__')}"))()


_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "s": st.text(max_size=8),
    "b": st.binary(max_size=200),
    "t": st.booleans(),
    "i": st.integers(-(1 << 63), (1 << 63) - 1),
}


def _strategy(message: str, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for item in MESSAGES[message].split():
        head, _ = item.split("=")
        name, kind = head.split(":")
        mark, kind = (kind[-1], kind[:-1]) if kind[-1] in "*?%" else ("", kind)
        if mark == "%" or (kind not in _KINDS and depth > 3):
            continue
        value = _SCALARS[kind] if kind in _SCALARS else _strategy(kind, depth + 1)
        fields[name] = st.lists(value, min_size=1, max_size=3) if mark == "*" else value
    return st.fixed_dictionaries({}, optional=fields)


def _fill(into: Any, values: dict[str, Any]) -> Any:
    for name, value in values.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                target = getattr(into, name)
                inner = target.add() if isinstance(value, list) else target
                inner.SetInParent()
                _fill(inner, item)
            elif isinstance(value, list):
                getattr(into, name).append(item)
            else:
                setattr(into, name, item)
    return into


_SAMPLED = st.sampled_from(
    [
        "Schema",
        "PlanResourceChange.Response",
        "ApplyResourceChange.Request",
        "Function",
        "Diagnostic",
        "CallFunction.Response",
    ]
).flatmap(lambda message: st.tuples(st.just(message), _strategy(message)))


@given(_SAMPLED)
def test_what_we_write_protobuf_reads_as_the_same(case: tuple[str, dict[str, Any]]) -> None:
    message, values = case
    read = oracle(message)
    read.ParseFromString(encode(message, values))
    assert read == _fill(oracle(message), values)


@given(_SAMPLED)
def test_what_protobuf_writes_we_read_and_write_back(case: tuple[str, dict[str, Any]]) -> None:
    message, values = case
    written = _fill(oracle(message), values).SerializeToString()
    again = oracle(message)
    again.ParseFromString(encode(message, decode(message, written)))
    assert again == _fill(oracle(message), values)


def test_a_map_is_written_as_repeated_entries() -> None:
    request = decode(
        "UpgradeResourceState.Request",
        encode("UpgradeResourceState.Request", {"raw_state": {"flatmap": {"a": "b", "c": ""}}}),
    )
    assert request["raw_state"]["flatmap"] == {"a": "b", "c": None}


def test_unknown_fields_of_every_wire_type_are_skipped() -> None:
    strange = b"\xa0\x06\x01" + b"\xa1\x06" + b"x" * 8 + b"\xa2\x06\x02ab" + b"\xa5\x06" + b"x" * 4
    assert decode("Function.Return", strange + b"\x0a\x01t" + strange) == {"type": b"t"}


def test_a_packed_scalar_is_tolerated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MESSAGES, "Packed", "numbers:i*=1")
    assert decode("Packed", b"\x0a\x03\x01\x96\x01" + b"\x08\x07") == {"numbers": [1, 150, 7]}


@pytest.mark.parametrize(
    "broken",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0b",
        b"\x00\x01\x05",
        b"\x12\x01\xff",
        b"\x0d\x01",
    ],
    ids=["no length", "truncated", "endless varint", "group", "field zero", "not UTF-8", "short fixed32"],
)
def test_malformed_bytes_are_refused_without_being_quoted(broken: bytes) -> None:
    with pytest.raises(ProtobufError) as caught:
        decode("Schema.NestedBlock", broken if broken != b"\x12\x01\xff" else b"\x0a\x01\xff")
    assert "ff" not in str(caught.value)


def test_nesting_without_end_is_refused() -> None:
    deep = b""
    for _ in range(protobuf.MAX_DEPTH + 2):
        deep = b"\x12" + protobuf.encode_varint(len(deep)) + deep  # Schema.Block.block_types… of NestedBlock.block
        deep = b"\x1a" + protobuf.encode_varint(len(deep)) + deep
    with pytest.raises(ProtobufError, match="deeply"):
        decode("Schema.Block", deep)


@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(message: str, garbage: bytes) -> None:
    with suppress(ProtobufError):
        decode(message, garbage)
