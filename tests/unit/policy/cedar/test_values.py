"""Typed values: what Cedar reads we read, what it refuses we refuse; nothing of a caller's becomes what it is not."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network

import cedarpy
import pytest

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.cedar_engine import json_of, network_text
from leasehold.policy.cedar.mapping import ValueRefused, mapper_of, native
from leasehold.policy.cedar.shapes import (
    EMPTY,
    HIDDEN,
    FieldShape,
    FlagShape,
    FractionShape,
    MomentShape,
    NetworkShape,
    RecordShape,
    RefShape,
    SetShape,
    ShapesDiffer,
    TextShape,
    WholeShape,
    cedar_type,
    joined,
    names_in,
    quoted,
    record_of_all,
    shape_of,
    types_in,
)
from leasehold.policy.cedar.values import (
    CedarSet,
    EvaluationError,
    Fraction,
    Moment,
    Network,
    Span,
    fraction,
    fraction_of,
    key_of,
    moment,
    moment_of,
    network,
    set_of,
    span,
    unkeyed,
)

DECIMALS = """1.0 -0.0001 922337203685477.5807 -922337203685477.5808 922337203685477.5808 1.00000 1 +1.0 01.5 .5 1.
-1.5 １.0 1.0x"""
ADDRESSES = """10.0.0.1 10.0.0.1/33 10.0.0.1/08 256.1.1.1 01.1.1.1 ::1 :: ::ffff:1.2.3.4 fe80::1%eth0 1:2:3:4:5:6:7:8
::1/129 10.0.0.0/8 2001:DB8::1 1:2:3:4:5:6:7:: 12345::1 10.0.0.1/ /8 ::1/00 a:b"""
MOMENTS = """2024-01-01 2024-01-01T00:00:00Z 2024-01-01T00:00:00 2024-01-01T00:00:00.123Z 2024-01-01T00:00:00.12Z
2024-01-01T23:59:60Z 2024-02-30 0000-01-01 2024-01-01T00:00:00+0530 2024-01-01T00:00:00+2400
2024-01-01T00:00:00+2360 2024-01-01T00:00:00-2359 2024-01-01T00:00:00+05:30 2024-01-01Z"""
SPANS = """1d 1h2m 2m1h - 1ms -1d2h3m4s5ms 9223372036854775807ms 9223372036854775808ms -9223372036854775808ms
106751991167d 106751991168d 1.5h +1h 1m1ms 0d 1h1h"""
SPELLED = {
    "decimal": [*DECIMALS.split(), "1.0\n", ""],
    "ip": [*ADDRESSES.split(), " ::1", ""],
    "datetime": [*MOMENTS.split(), ""],
    "duration": [*SPANS.split(), ""],
}
READ = {"decimal": fraction, "ip": network, "datetime": moment, "duration": span}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SPELLED.items() for text in texts])
def test_we_read_exactly_what_cedar_reads(kind, text):
    policy = f"permit (principal, action, resource) when {{ {kind}(context.s) == {kind}(context.s) }};"
    who = {"type": "U", "id": "u"}
    request = {"principal": who, "action": {"type": "Action", "id": "a"}, "resource": who, "context": {"s": text}}
    expected = cedarpy.is_authorized(request, policy, "[]").allowed
    if expected:
        assert READ[kind](text) is not None
    else:
        with pytest.raises(EvaluationError):
            READ[kind](text)


@pytest.mark.parametrize(
    "value",
    [
        Fraction(-15_000),
        Fraction(9_999),
        Moment(-1),
        Moment(1_763_805_600_123),
        Span(-90_061_001),
        network("10.0.0.0/8"),
        network("::ffff:102:304"),
        network("2001:db8::/32"),
        EntityRef("User", 'a"b\\c\n'),
        True,
        7,
        "é",
        {"a": [1][0], "b": {"c": Fraction(1)}},
        set_of([1, True, Fraction(1), {"a": set_of([2])}, EntityRef("User", "u")]),
    ],
)
def test_a_value_goes_to_cedar_and_is_what_it_was(value):
    policy = "permit (principal, action, resource) when { [context.v].contains(context.w) && context.v == context.w };"
    who = {"type": "U", "id": "u"}
    request = {
        "principal": who,
        "action": {"type": "Action", "id": "a"},
        "resource": who,
        "context": {"v": json_of(value), "w": json_of(unkeyed(key_of(value)))},
    }
    assert cedarpy.is_authorized(request, policy, "[]").allowed


def test_times_before_the_epoch_and_in_year_zero():
    assert moment("1969-12-31T23:59:59.999Z") == -1
    assert moment("0000-03-01") - moment("0000-02-29") == 86_400_000
    assert moment_of(datetime(1970, 1, 1, 0, 0, 0, 1_999, tzinfo=UTC)) == 1


def test_an_address_is_written_as_cedar_reads_it():
    assert network_text(network("::ffff:102:304")) == "0000:0000:0000:0000:0000:ffff:0102:0304/128"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        ("a", "a"),
        (5, 5),
        (1.5, Fraction(15_000)),
        (Decimal("0.0001"), Fraction(1)),
        (datetime(1970, 1, 2, tzinfo=UTC), Moment(86_400_000)),
        (ip_address("10.0.0.1"), Network(32, 167_772_161, 32)),
        (ip_network("::/0"), Network(128, 0, 0)),
        (EntityRef("User", "u"), EntityRef("User", "u")),
        ({"a": [1, 1]}, {"a": CedarSet([1])}),
        (frozenset({"x"}), CedarSet(["x"])),
        (Moment(5), Moment(5)),
    ],
)
def test_known_values_become_typed_by_their_own_type(value, expected):
    assert native(value) == expected
    assert type(native(value)) is type(expected)


@pytest.mark.parametrize(
    "value", [None, object(), {"__entity": 1}, {5: 1}, {"a": None}, {"a": 1 << 64}, [[None]], "\udc00"]
)
def test_known_values_that_are_none_are_refused(value):
    with pytest.raises((ValueRefused, EvaluationError)):
        native(value)


def test_nesting_ends():
    deep = "x"
    for _ in range(65):
        deep = {"a": deep}
    with pytest.raises(ValueRefused, match="nested more than 64 deep"):
        native(deep)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+400", "1E-400", "0.00001", "1" * 16, "9" * 15 + ".99999"])
def test_a_number_that_would_be_rounded_is_none(number):
    with pytest.raises(EvaluationError):
        fraction_of(Decimal(number))
    assert fraction_of(Decimal("-0.0")) == 0
    assert fraction_of(Decimal("922337203685477.5807")) == (1 << 63) - 1


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (TextShape(), ["", "é"], [1, None, ["a"]]),
        (TextShape(frozenset({"a"})), ["a"], ["b", 1]),
        (FlagShape(), [True], [1, "true"]),
        (WholeShape(), [1, 1.0, Decimal("2E+2")], [1.5, True, "1", Decimal("NaN"), 1e300]),
        (FractionShape(), [1, 1.5], [True, "1.5"]),
        (MomentShape(), ["2026-01-01", "2026-01-01t00:00:00z", "2026-01-01T00:00:00.100000-01:00"],
         ["2026-01-01T00:00:00", "now", 5, "2026-02-30", "2026-01-01T00:00:00+24:00"]),
        (NetworkShape(), ["10.0.0.1", "::/0"], ["x", 5]),
        (RefShape("User"), [], ["ana", {"type": "User", "id": "ana"}]),
        (SetShape(WholeShape()), [[1, 1]], [{1}, (1,), "1", [None]]),
        (HIDDEN, [{"a": [None, 1.23456]}, "x"], [{"__extn": 1}, [{"__entity": 1}]]),
        (EMPTY, [{}], [{"a": 1}, [], None]),
    ],
)  # fmt: skip
def test_a_value_has_its_shape_or_none(shape, good, bad):
    mapper = mapper_of(shape)
    for one in good:
        mapper(one)
    for one in bad:
        with pytest.raises((ValueRefused, EvaluationError)):
            mapper(one)


def test_a_refusal_names_the_place_and_not_the_value():
    inner = RecordShape((("amount", FieldShape(FractionShape(), required=True)),))
    mapper = mapper_of(RecordShape((("order", FieldShape(inner, required=True)),), open=True))
    with pytest.raises(ValueRefused) as refused:
        mapper({"order": {"amount": "tell-tale"}})
    assert str(refused.value) == "order.amount: not a number"
    with pytest.raises(ValueRefused, match="order: is required"):
        mapper({"other": None})
    with pytest.raises(ValueRefused) as named:
        mapper({"order": {"amount": 1, "n" * 500: 1}})
    assert len(str(named.value)) < 120
    assert mapper({"order": {"amount": 1}, "other": None, "more": [1]}) == {"order": {"amount": Fraction(10_000)}}


def test_dates_are_moments():
    assert mapper_of(MomentShape())(date(1970, 1, 2)) == Moment(86_400_000)


# Shapes.


def test_shapes_of_values_are_types_of_cedar():
    record = {
        "a": True,
        "b": EntityRef("User", "u"),
        "c": Fraction(1),
        "d": Moment(1),
        "e": network("::"),
        "f": 1,
        "g": "t",
    }
    shape = shape_of({**record, "h": set_of(["x"]), "i": {"j": 1}})
    assert cedar_type(shape) == (
        '{"a": Bool, "b": User, "c": decimal, "d": datetime, "e": ipaddr, "f": Long, "g": String, '
        '"h": Set<String>, "i": {"j": Long}}'
    )
    assert types_in(shape) == {"User"}
    assert types_in(SetShape(RefShape("Group"))) == {"Group"}
    assert names_in(SetShape(shape)) == frozenset("abcdefghij")
    with pytest.raises(ValueError, match="hidden"):
        cedar_type(HIDDEN)


def test_shapes_join_where_one_covers_both():
    empty = shape_of(set_of([]))
    assert joined(empty, SetShape(TextShape())) == joined(SetShape(TextShape()), empty) == SetShape(TextShape())
    both = record_of_all([{"a": 1, "b": {"x": 1}}, {"a": 2, "b": {"y": "t"}}, {"a": 3}])
    assert cedar_type(both) == '{"a": Long, "b"?: {"x"?: Long, "y"?: String}}'
    assert record_of_all([]) == EMPTY
    with pytest.raises(ShapesDiffer, match="`b`: `x`: a Long here and a String there"):
        record_of_all([{"b": {"x": 1}}, {"b": {"x": "1"}}])
    with pytest.raises(ShapesDiffer):
        shape_of(set_of([1, "a"]))


def test_a_name_is_quoted_as_cedar_reads_it():
    name = 'a"b\\c\n\u200b é'
    schema = f"entity U {{ {quoted(name)}: String }};"
    assert cedarpy.Schema.from_str(schema) is not None
    entities = [{"uid": {"type": "U", "id": "u"}, "attrs": {name: "x"}, "parents": []}]
    assert len(cedarpy.Entities.from_json_str(json.dumps(entities), schema)) == 1
