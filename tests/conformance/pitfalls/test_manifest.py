"""Every pitfall and every published failure has tests, and each of them is there."""

import ast
from functools import cache
from pathlib import Path

import pytest
from tests.conformance.pitfalls.pitfalls import TRIED

TESTS = Path(__file__).parents[2]


@cache
def _functions(file):
    """The tests of a file that are run: none of them is skipped whatever happens."""
    functions = [node for node in ast.parse((TESTS / file).read_text()).body if isinstance(node, ast.FunctionDef)]
    return {one.name for one in functions if not any("mark.skip" in ast.unparse(d) for d in one.decorator_list)}


@pytest.mark.parametrize("tried", TRIED, ids=lambda tried: tried.id)
def test_each_is_tried_by_tests_that_are_there(tried):
    assert tried.tests
    named = [(file, name) for file, names in tried.tests.items() for name in names]
    assert [f"{file}::{name}" for file, name in named if name not in _functions(file)] == []


def test_each_is_listed_once_the_twenty_pitfalls_first():
    ids = [tried.id for tried in TRIED]
    assert ids[:20] == [str(number) for number in range(1, 21)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("tried", [one for one in TRIED if one.published], ids=lambda tried: tried.id)
def test_what_was_published_is_in_the_name_of_a_test(tried):
    names = [name for several in tried.tests.values() for name in several]
    for published in tried.published:
        product, *numbers = (word.strip("#,").lower().replace("-", "_").replace(".", "_") for word in published.split())
        assert any(part in name for name in names for part in (product, *numbers)), published
