"""`covers` against a brute-force matcher over a small alphabet that includes a letter no pattern knows."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.patterns import covers

_PATTERNS = st.text(alphabet="ab*", max_size=5)
_WORDS = ["".join(letters) for length in range(7) for letters in product("abz", repeat=length)]


def _matches(pattern: str, word: str) -> bool:
    if not pattern:
        return not word
    if pattern[0] == "*":
        return _matches(pattern[1:], word) or (bool(word) and _matches(pattern, word[1:]))
    return bool(word) and word[0] == pattern[0] and _matches(pattern[1:], word[1:])


@given(wide=_PATTERNS, narrow=_PATTERNS)
def test_covers_agrees_with_every_word_up_to_six_letters(wide, narrow):
    by_enumeration = all(_matches(wide, word) for word in _WORDS if _matches(narrow, word))

    assert by_enumeration == covers(wide, narrow)


@given(pattern=_PATTERNS)
def test_a_pattern_covers_itself_and_the_star_covers_all(pattern):
    assert covers(pattern, pattern)
    assert covers("*", pattern)


@given(a=_PATTERNS, b=_PATTERNS, c=_PATTERNS)
def test_covering_is_transitive(a, b, c):
    if covers(a, b) and covers(b, c):
        assert covers(a, c)


def test_a_prefix_does_not_cover_its_own_stem_without_the_separator():
    assert not covers("repo:web/*", "repo:web")
    assert not covers("repo:web", "repo:web*")
    assert covers("repo:web*", "repo:web")
