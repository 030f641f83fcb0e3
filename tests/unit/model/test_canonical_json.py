"""JSON in its one canonical form (RFC 8785)."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.canonical_json import canonical_json
from leasehold.model.errors import InvalidValue
from leasehold.model.trail.records import canonical_bytes

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: abs(x) < 2**53 or abs(x) >= 1e21),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    ),
)


@pytest.mark.parametrize(
    ("bits", "written"),
    [  # RFC 8785, appendix B
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
    ],
)
def test_numbers_are_written_as_the_rfc_tabulates_them(bits, written):
    assert canonical_json(struct.unpack(">d", bytes.fromhex(bits))[0]) == written


def test_the_example_of_the_rfc_has_its_canonical_form():
    """RFC 8785 §3.2.2 and §3.2.3."""
    keys = {
        "€": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew",
        "1": "One",
        "😀": "Emoji",
        "\x80": "C",
        "ö": "O",
    }
    assert list(json.loads(canonical_json(keys))) == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]
    value = {"literals": [None, True, False], "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27]}
    expected = '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}'
    assert canonical_json(value) == expected


@given(JSON)
def test_a_canonical_text_is_read_back_as_what_it_says_and_is_canonical(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\ud800": 1}, {1: 2}, b"x", object()])
def test_what_two_readers_could_read_differently_is_refused(value):
    with pytest.raises(InvalidValue):
        canonical_json(value)


def test_nesting_has_an_end():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(InvalidValue, match="levels deep"):
        canonical_json(deep)


def test_large_integers_that_a_double_confuses_stay_two():
    assert canonical_json(2**53 + 1) != canonical_json(2**53 + 2) != canonical_json(2**53)
    assert canonical_json(2**63 - 1) == "9223372036854775807"


_NUMBERS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**6), 10**6).map(float)
)


@given(st.dictionaries(st.text("abc", min_size=1), st.one_of(_NUMBERS, st.lists(_NUMBERS, max_size=3), JSON)))
def test_the_quick_way_writes_what_the_careful_one_writes(document):
    assert canonical_bytes(document) == canonical_json(document).encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], object(), {"a": {1}}])
def test_the_quick_way_takes_nothing_that_has_no_canonical_form(value):
    with pytest.raises(InvalidValue):
        canonical_bytes({"a": value})


def test_the_quick_way_takes_nothing_that_is_too_deep():
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(InvalidValue):
        canonical_bytes({"a": deep})
