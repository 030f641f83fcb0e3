"""The pattern algebra against the server's, against shared vectors, and against brute force."""

from fnmatch import fnmatchcase
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from leasehold.model import patterns as server
from leasehold_cdktf.patterns import covers, overlaps

PATTERNS = st.text(alphabet="ab*", max_size=6)
WORDS = ["".join(letters) for size in range(6) for letters in product("abc", repeat=size)]
# A shortest common word has at most one letter for each letter of either pattern, and none that both leave to a `*`.
WITNESSES = ["".join(letters) for size in range(9) for letters in product("ab", repeat=size)]


def _matches(pattern: str, word: str) -> bool:
    return fnmatchcase(word, pattern)


@settings(deadline=None)
@given(PATTERNS, PATTERNS)
def test_it_covers_exactly_when_the_server_says_so(wide, narrow):
    assert covers(wide, narrow) == server.covers(wide, narrow)


@settings(deadline=None)
@given(PATTERNS, PATTERNS)
def test_what_is_covered_is_matched(wide, narrow):
    if covers(wide, narrow):
        assert all(_matches(wide, word) for word in WORDS if _matches(narrow, word))


@settings(deadline=None)
@given(PATTERNS, st.text(alphabet="abc", max_size=6))
def test_a_pattern_overlaps_a_word_exactly_when_it_matches_it(pattern, word):
    assert overlaps(pattern, word) == overlaps(word, pattern) == _matches(pattern, word)


@settings(deadline=None)
@given(st.text(alphabet="ab*", max_size=4), st.text(alphabet="ab*", max_size=4))
def test_two_patterns_overlap_exactly_when_some_word_matches_both(one, other):
    witnesses = [word for word in WITNESSES if _matches(one, word) and _matches(other, word)]
    assert overlaps(one, other) == bool(witnesses)
