"""Glob patterns with `*` alone, and the questions asked of them: which covers which, and which meet."""

from __future__ import annotations


def covers(wide: str, narrow: str) -> bool:
    """True iff every string that `narrow` matches is matched by `wide` too.

    `*` stands for any run of characters, the empty one included; every other character for itself. Treating each `*` of
    `narrow` as a letter that only a `*` of `wide` can match is sound and complete, because names never exhaust the
    alphabet: a witness built with a letter unknown to `wide` would otherwise escape it.
    """
    if wide == narrow or "*" not in wide:
        return wide == narrow
    head, *rest = wide.split("*")
    if not narrow.startswith(head):
        return False
    at = len(head)
    *middle, tail = rest
    for part in middle:
        found = narrow.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(narrow) - len(tail) >= at and narrow.endswith(tail)


def overlap(one: str, other: str) -> bool:
    """True iff some string is matched by both."""
    if "*" not in other:
        return covers(one, other)
    if "*" not in one:
        return covers(other, one)
    # What stands before the first `*` and behind the last one must agree; between two of them everything fits.
    heads, tails = (one.partition("*")[0], other.partition("*")[0]), (one.rpartition("*")[2], other.rpartition("*")[2])
    return (heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])) and (
        tails[0].endswith(tails[1]) or tails[1].endswith(tails[0])
    )
