"""Glob patterns with `*` alone: the registry's question "which covers which", answered here before anything is sent.

The registry decides with the same algebra; `tests/vectors/covers.json` holds both to it.
"""

from __future__ import annotations


def covers(wide: str, narrow: str) -> bool:
    """True iff every string that `narrow` matches is matched by `wide` too.

    A `*` of `narrow` is treated as a letter that only a `*` of `wide` can match: names never exhaust the alphabet, so
    a string with a letter unknown to `wide` would otherwise escape it.
    """
    if "*" not in wide:
        return wide == narrow
    pieces = wide.split("*")
    first, last = pieces[0], pieces[-1]
    end = len(narrow) - len(last)
    if len(first) > end or not (narrow.startswith(first) and narrow.endswith(last)):
        return False
    position = len(first)
    for piece in pieces[1:-1]:  # leftmost placement is best: it leaves the most room for what follows
        found = narrow.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True
