"""Two questions about patterns in which `*` stands for any run of characters, the empty one included."""

from __future__ import annotations


def covers(wide: str, narrow: str) -> bool:
    """True iff every string that `narrow` matches is matched by `wide` too.

    A `*` of `narrow` may stand for a character that occurs nowhere in `wide`, so only a `*` of `wide` can take it.
    `tests/vectors/covers.json` holds the server and us to one answer.
    """
    pieces = wide.split("*")
    if len(pieces) == 1:
        return wide == narrow
    first, last = pieces[0], pieces[-1]
    if len(narrow) < len(first) + len(last) or not (narrow.startswith(first) and narrow.endswith(last)):
        return False
    position, end = len(first), len(narrow) - len(last)
    for piece in pieces[1:-1]:
        position = narrow.find(piece, position, end)
        if position < 0:
            return False
        position += len(piece)
    return True


def overlaps(one: str, other: str) -> bool:
    """True iff at least one string is matched by both patterns."""
    reachable = _past_stars(one, {0})
    for letter in other:
        if letter == "*":
            reachable = set(range(min(reachable, default=len(one) + 1), len(one) + 1))
        else:
            reachable = _past_stars(one, {to for at in reachable for to in _step(one, at, letter)})
    return len(one) in reachable


def _step(pattern: str, at: int, letter: str) -> tuple[int, ...]:
    if at == len(pattern):
        return ()
    if pattern[at] == "*":
        return (at,)
    return (at + 1,) if pattern[at] == letter else ()


def _past_stars(pattern: str, places: set[int]) -> set[int]:
    """A `*` matches the empty run, so standing before one is standing behind it too."""
    reached = set(places)
    for place in places:
        here = place
        while here < len(pattern) and pattern[here] == "*":
            here += 1
            reached.add(here)
    return reached
