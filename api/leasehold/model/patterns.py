"""Glob patterns with `*` alone, and the one question asked of them: which covers which."""

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
