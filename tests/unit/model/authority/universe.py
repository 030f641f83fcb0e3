"""Random authorities over few letters, tools and numbers, and every call that could tell two of them apart."""

from decimal import Decimal
from itertools import product

from hypothesis import strategies as st

from leasehold.model.access import Reach
from leasehold.model.authority.constraints import between, exact, glob, one_of, prefix
from leasehold.model.authority.order import Call

# A letter that no pattern names stands for all of the others; texts are long enough for three parts.
LETTERS = "abz"
TEXTS = ["".join(letters) for length in range(5) for letters in product(LETTERS, repeat=length)]
PATTERNS = ["*", "a*", "*a", "a*b", "*a*", "*b*", "ab*", "a*a", "*ab", "a*b*"]
NUMBERS = [Decimal(n) / 2 for n in range(-1, 9)]
VALUES = [*TEXTS[:40], *NUMBERS, True, False]

numbers = st.integers(0, 3)
scalars = st.one_of(st.sampled_from(["", "a", "b", "ab", "aab"]), numbers, st.booleans())


@st.composite
def ranges(draw):
    low, high = sorted((draw(numbers), draw(numbers)))
    ends = draw(st.sampled_from([(low, high), (low, None), (None, high)]))
    return between(*ends)


constraints = st.one_of(
    scalars.map(exact),
    st.lists(scalars, min_size=1, max_size=3).map(one_of),
    st.sampled_from(["a", "ab", "b"]).map(prefix),
    st.sampled_from(PATTERNS).map(glob),
    ranges(),
)
arguments = st.dictionaries(st.sampled_from(["x", "y"]), constraints, max_size=2).map(
    lambda found: tuple(sorted(found.items(), key=lambda item: item[0]))
)
reaches = st.builds(
    Reach,
    st.just("github"),
    st.sampled_from(["read", "*"]),
    st.sampled_from(["repo:a", "repo:a*", "repo:*"]),
    arguments,
)
authorities = st.lists(reaches, max_size=3).map(frozenset)

_TEXTS = ["", "a", "ab", "aab", "az", "za", "zab", "azb", "zaz", "b", "aza"]
_ARGUMENT_VALUES = [None, *_TEXTS, *NUMBERS, Decimal(99), True, False]


def calls() -> list[Call]:
    """Calls with both arguments, one, or none."""
    found = []
    places = list(product(["read", "other"], ["repo:a", "repo:az", "repo:z"]))
    for (tool, resource), x, y in product(places, _ARGUMENT_VALUES, _ARGUMENT_VALUES):
        given = {name: value for name, value in (("x", x), ("y", y)) if value is not None}
        found.append(Call("github", tool, resource, given))
    return found
