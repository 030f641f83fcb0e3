"""Form bodies are read as strictly as the standard library can, and to the same pairs."""

import asyncio
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.web.oauth.forms import InvalidRequest, read_form

SCOPE = {"headers": [(b"content-type", b"application/x-www-form-urlencoded")]}


def read(body):
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    return asyncio.run(read_form(SCOPE, receive))


@pytest.mark.parametrize(
    "body",
    [b"", b"&", b"a", b"a=1&", b"&a=1", b"a=1&&b=2", b"a=%ff", b"a=%C3%28", b"a=\xc3\xa9", b"a=1&a=2", b"a=1&%61=2"],
)
def test_a_body_that_could_be_read_in_two_ways_is_not_read(body):
    with pytest.raises(InvalidRequest):
        read(body)


def test_more_fields_than_any_request_has_are_refused():
    with pytest.raises(InvalidRequest):
        read("&".join(f"f{n}=1" for n in range(33)).encode())


def test_an_empty_value_counts_as_absent_and_a_value_may_hold_what_separates():
    assert read(b"a=&b=x%26y%3Dz&c=1=2&d=p+q%2B") == {"b": "x&y=z", "c": "1=2", "d": "p q+"}


@given(st.dictionaries(st.text(), st.text(min_size=1), min_size=1, max_size=8))
def test_what_was_written_is_what_is_read(form):
    assert read(urlencode(form).encode()) == form


@given(st.text(alphabet="ab%26C3A9=&+;", max_size=16))
def test_whatever_comes_is_read_as_the_standard_library_reads_it(text):
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        pairs = []
    if pairs and len(dict(pairs)) == len(pairs):
        assert read(text.encode()) == {name: value for name, value in pairs if value}
    else:
        with pytest.raises(InvalidRequest):
            read(text.encode())
