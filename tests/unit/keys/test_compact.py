"""JSON of tokens has two readers, a quick one and a strict one. Nobody can tell which read a text."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leasehold.keys.compact import _DECODER, json_object
from leasehold.model.tokens import Flaw, TokenRefused

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_TEXTS = st.dictionaries(st.text(max_size=4), _JSON, max_size=4).flatmap(
    lambda value: st.sampled_from([(",", ":"), (", ", ": ")]).map(
        lambda separators: json.dumps(value, separators=separators, ensure_ascii=False)
    )
)
_PIECES = st.sampled_from(
    ['{"', '"}', '":', ",", '"a"', '"b"', "1", "1.0", "-0", "1e5", "{", "}", "[", "]", " ", "NaN"]
)


def strictly(raw: bytes) -> object:
    try:
        value = _DECODER.decode(raw.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read(raw: bytes) -> object:
    try:
        return json_object(raw)
    except TokenRefused as refused:
        return None if refused.flaw is Flaw.MALFORMED else refused


@given(
    _TEXTS.map(lambda text: text.encode(errors="surrogatepass"))
    | st.lists(_PIECES, max_size=12).map("".join).map(str.encode)
)
@example(b"{}")
@example(b'{"a":1,"a":1}')
@example(b'{"a":{"b":1,"b":1}}')
@example(b'{"a":18446744073709551616}')
@example(b'{"a":-9223372036854775809}')
@example(b'{"a":1E400}')
@example(b'{"a":-0}')
@example(b'{"a":-0.0}')
@example(b'{"a":0.1e-6}')
@example('{"é":"\u2028\x7f"}'.encode())
@example(b'{"a":"\\ud800"}')
@example(b'\xef\xbb\xbf{"a":1}')
@example(b'{"a":1}\n')
def test_both_readers_read_the_same(raw):
    expected, found = strictly(raw), read(raw)

    assert repr(found) == repr(expected)  # to the type of each number, and the order of members


@pytest.mark.parametrize("depth", [200, 100_000])
def test_a_text_of_any_depth_is_read_or_refused(depth):
    raw = b'{"a":' * depth + b"1" + b"}" * depth

    assert (read(raw) is None) == (strictly(raw) is None)
