import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.patterns import covers as registry_covers
from leasehold_provider.patterns import covers

CASES = json.loads((Path(__file__).parents[2] / "vectors" / "covers.json").read_text())["cases"]
PATTERNS = st.text(alphabet="ab*", max_size=8)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['wide']!r} {case['narrow']!r}")
def test_provider_and_registry_answer_every_vector_alike(case):
    assert covers(case["wide"], case["narrow"]) is case["covers"]
    assert registry_covers(case["wide"], case["narrow"]) is case["covers"]


@given(PATTERNS, PATTERNS)
def test_provider_and_registry_agree_on_any_two_patterns(wide, narrow):
    assert covers(wide, narrow) == registry_covers(wide, narrow)


def _matches(pattern, text):
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(_matches(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and text[0] == pattern[0] and _matches(pattern[1:], text[1:])


@pytest.mark.parametrize("narrow", ["".join(p) for n in range(4) for p in itertools.product("a*", repeat=n)])
@pytest.mark.parametrize("wide", ["".join(p) for n in range(4) for p in itertools.product("a*", repeat=n)])
def test_covering_means_that_no_text_escapes(wide, narrow):
    # A letter that neither pattern names is needed as a witness; four letters are enough for patterns of three.
    texts = ["".join(p) for n in range(5) for p in itertools.product("az", repeat=n)]
    escapes = [text for text in texts if _matches(narrow, text) and not _matches(wide, text)]
    assert covers(wide, narrow) is (not escapes)
