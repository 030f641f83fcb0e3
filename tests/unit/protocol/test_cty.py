"""Terraform's values: MessagePack against the real msgpack, numbers to the last digit, sets in any order, limits."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgpack as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold_provider.protocol import (
    UNKNOWN,
    Bool,
    Dynamic,
    DynamicValue,
    List,
    Map,
    Number,
    Object,
    Set,
    String,
    Tuple,
    Type,
    Unknown,
    is_unknown,
)
from leasehold_provider.protocol import msgpack as ours
from leasehold_provider.protocol.cty import CtyError, contains_unknown
from leasehold_provider.protocol.msgpack import MsgpackError, unpack

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | _TEXT
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(_TEXT, inner, max_size=20),
    max_leaves=30,
)


@given(_PLAIN)
def test_what_msgpack_writes_we_read(value: Any) -> None:
    assert unpack(oracle.packb(value)) == value


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(garbage: bytes) -> None:
    with suppress(MsgpackError):
        unpack(garbage)


@pytest.mark.parametrize(
    "broken", ["", "c1", "dd7fffffff", "df7fffffff", "a5ab", "9191", "81c0c0", "0000", "c70c05", "d40c91", "c7020c9301"]
)
def test_malformed_bytes_are_refused(broken: str) -> None:
    with pytest.raises(MsgpackError):
        unpack(bytes.fromhex(broken))


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(MsgpackError, match="deeply"):
        unpack(b"\x91" * 5000 + b"\xc0")


def typed(depth: int = 0) -> st.SearchStrategy[tuple[Type, st.SearchStrategy[Any]]]:
    """Draw a type and a strategy for its values."""
    numbers = st.integers(-(1 << 80), 1 << 80) | st.floats(allow_nan=False, allow_infinity=False).map(_as_read)
    leaves = st.sampled_from([(String, _TEXT), (Number, numbers), (Bool, st.booleans())])
    if depth > 2:
        return leaves
    inner = typed(depth + 1)
    return st.one_of(
        leaves,
        inner.map(lambda pair: (List(pair[0]), st.lists(st.none() | pair[1], max_size=4))),
        inner.map(lambda pair: (Map(pair[0]), st.dictionaries(_TEXT, pair[1], max_size=4))),
        st.lists(inner, max_size=3).map(
            lambda pairs: (Tuple([kind for kind, _ in pairs]), st.tuples(*[s for _, s in pairs]).map(list))
        ),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda pairs: (
                Object({name: kind for name, (kind, _) in pairs.items()}),
                st.fixed_dictionaries({name: strategy for name, (_, strategy) in pairs.items()}),
            )
        ),
    )


def _as_read(value: float) -> Any:
    return int(value) if value.is_integer() else value


@given(st.data())
def test_every_value_survives_the_way_out_and_back(data: st.DataObject) -> None:
    kind, values = data.draw(typed())
    value = data.draw(values)
    packed = kind.pack(value)
    assert kind.unpack(packed) == value
    assert kind.pack(kind.unpack(packed)) == packed
    oracle.unpackb(packed, strict_map_key=False)  # and the real msgpack finds it well-formed


@given(st.data())
def test_a_dynamic_value_brings_its_type(data: st.DataObject) -> None:
    kind, values = data.draw(typed())
    value = DynamicValue(kind, data.draw(values))
    assert Dynamic.unpack(Dynamic.pack(value)) == value


@pytest.mark.parametrize(
    ("value", "notation"),
    [
        ("x", '"string"'),
        (True, '"bool"'),
        (1.5, '"number"'),
        (["x", 1, None], '["tuple",["string","number","dynamic"]]'),
        ({"a": {"b": []}}, '["object",{"a":["object",{"b":["tuple",[]]}]}]'),
    ],
)
def test_a_plain_value_gets_the_type_its_literal_has_in_hcl(value: Any, notation: str) -> None:
    read = Dynamic.unpack(Dynamic.pack(value))
    assert read.type.json() == notation
    assert read.value == value


@given(st.lists(_TEXT | st.just(UNKNOWN), max_size=6), st.randoms())
def test_the_order_of_a_set_never_shows(items: list[Any], random: Any) -> None:
    shuffled = items[:]
    random.shuffle(shuffled)
    assert Set(String).pack(items) == Set(String).pack(shuffled)
    assert Set(String).unpack(Set(String).pack(items)) == Set(String).unpack(Set(String).pack(shuffled))


def test_duplicates_leave_a_set_and_unknowns_do_not() -> None:
    assert Set(String).unpack(Set(String).pack({"b", "a"})) == ["a", "b"]
    assert Set(Number).unpack(Set(Number).pack([3, 1.0, 1, 2])) == [1, 2, 3]
    assert len(Set(String).unpack(Set(String).pack([UNKNOWN, UNKNOWN, "a"]))) == 3
    inner = Set(Object({"a": Set(Number)}))
    assert inner.pack([{"a": [1, 2]}, {"a": [2, 1]}]) == inner.pack([{"a": [2, 1, 1]}])


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        (b"\xa30.1", 0.1),  # Terraform's own text for what no double holds exactly
        (oracle.packb(0.5), 0.5),
        (oracle.packb(3.0), 3),
        (
            oracle.packb(0.1),
            Decimal("0.1000000000000000055511151231257827021181583404541015625"),
        ),  # a double computed as such is another number than 0.1
        (oracle.packb("123456789012345678901234567890"), 123456789012345678901234567890),
        (oracle.packb("0.12345678901234567890123"), Decimal("0.12345678901234567890123")),
        (oracle.packb(float("inf")), float("inf")),
        (oracle.packb(2**63), 2**63),
    ],
)
def test_numbers_keep_every_digit(sent: bytes, value: Any) -> None:
    read = Number.unpack(sent)
    assert read == value
    assert type(read) is type(value)
    assert Number.unpack(Number.pack(read)) == value


def test_fractions_are_written_as_the_decimal_a_person_wrote() -> None:
    assert Number.pack(0.1) == Number.pack(Decimal("0.1")) == b"\xa30.1"
    assert Number.pack(1e-7) == Number.pack(Decimal("0.0000001")) == b"\xa90.0000001"
    assert Number.pack(1.0) == Number.pack(1) == b"\x01"


@pytest.mark.parametrize("text", ["", "x", "1e999999999", "NaN", "nan", "9" * 2000, "٣", "1_0x"])
def test_text_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(CtyError, match="expected a number"):
        Number.unpack(oracle.packb(text))


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        (String, 1, "expected a string"),
        (Number, True, "expected a number"),
        (Number, float("nan"), "expected a number"),
        (Bool, 1, "expected a bool"),
        (List(String), "hunter2", "expected a list"),
        (Set(String), "hunter2", "expected a set"),
        (Set(String), {"hunter2": 1}, "expected a set"),
        (Tuple([String]), [], "expected a tuple of 1"),
        (Object({"a": Map(List(Number))}), {"a": {"k": [1, "hunter2"]}}, "a.k.1: expected a number"),
        (Object({"a": String}), {"b": "hunter2"}, "expected no attribute b"),
    ],
)
def test_a_wrong_shape_is_named_by_its_path_and_never_quoted(kind: Type, value: Any, complaint: str) -> None:
    with pytest.raises(CtyError) as caught:
        kind.pack(value)
    assert str(caught.value) == complaint
    assert "hunter2" not in repr(caught.value)


def test_every_attribute_of_an_object_is_written_and_missing_ones_are_null() -> None:
    kind = Object({"b": String, "a": Number})
    assert oracle.unpackb(kind.pack({"b": "x"})) == {"a": None, "b": "x"}
    assert kind.read({"b": "x", "gone": 1}) == {"a": None, "b": "x"}


def test_what_is_known_about_an_unknown_is_kept() -> None:
    refinement = oracle.packb({1: False, 2: "pre", 3: [1, True], 4: [b"9", False], 5: 2, 6: 7})
    value = List(String).unpack(oracle.packb(oracle.ExtType(12, refinement)))
    assert is_unknown(value)
    known = value.refinement
    assert known is not None
    assert (known.not_null, known.string_prefix, known.length_min, known.length_max) == (True, "pre", 2, 7)
    assert known.number_min == (1, True)
    assert known.number_max == (b"9", False)
    assert List(String).pack(value) == b"\xd4\x00\x00"


def test_an_unknown_is_no_condition_and_equals_only_unknowns() -> None:
    with pytest.raises(TypeError, match="is_unknown"):
        bool(UNKNOWN)
    assert Unknown() == UNKNOWN
    assert hash(Unknown()) == hash(UNKNOWN)
    assert UNKNOWN != "x"
    assert contains_unknown({"a": [DynamicValue(List(String), [UNKNOWN])]})
    assert not contains_unknown({"a": [DynamicValue(List(String), ["x"])]})


def test_a_dynamic_value_does_not_show_in_its_repr() -> None:
    assert "hunter2" not in repr(DynamicValue(String, "hunter2"))


@pytest.mark.parametrize(
    "notation",
    [b"x", b'"gone"', b'["list"]', b'["gone","string"]', b"[" * 5000, b'["list",' * 90 + b'"string"' + b"]" * 90],
)
def test_a_type_that_is_none_is_refused(notation: bytes) -> None:
    with pytest.raises(CtyError):
        Dynamic.unpack(oracle.packb([notation, None]))


def test_long_text_and_collections_use_the_longer_forms() -> None:
    for size in (31, 32, 255, 256, 65535, 65536):
        assert oracle.unpackb(String.pack("x" * size)) == "x" * size
        assert len(oracle.unpackb(List(Bool).pack([True] * size))) == size
    out = bytearray()
    ours.write_bytes(b"x" * 300, out)
    assert oracle.unpackb(bytes(out)) == b"x" * 300
