"""Texts by their literal parts: `("refund-", "")` is every text that begins with `refund-`.

Parts say the same as a glob, except that a `*` in a part is a star and nothing else.
"""

from __future__ import annotations

from typing import TypeAlias

Parts: TypeAlias = tuple[str, ...]
"""At least two: what comes first, what comes last, and what lies between, in order. Anything may stand between two."""

_PRIVATE_USE = range(0xE000, 0xF900)


def parts_of_glob(glob: str) -> Parts:
    """The parts of a glob; `**` says no more than `*`."""
    head, *rest = glob.split("*")
    if not rest:
        return (head,)
    *middle, tail = rest
    return (head, *(part for part in middle if part), tail)


def matches(parts: Parts, text: str) -> bool:
    """True iff the text is made of the parts, in order, with anything between."""
    head, *middle, tail = parts
    if not text.startswith(head):
        return False
    at = len(head)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - len(tail) >= at and text.endswith(tail)


def covers(wide: Parts, narrow: Parts) -> bool:
    """True iff every text of `narrow` is one of `wide`: one with a letter that only a gap of `wide` can take tells."""
    return matches(wide, witness(narrow, (wide,)))


def witness(parts: Parts, others: tuple[Parts, ...]) -> str:
    """A text of `parts` that lies in one of `others` only if all of `parts` do."""
    known = {letter for of in (parts, *others) for part in of for letter in part}
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in known).join(parts)


def overlap(left: Parts, right: Parts) -> bool:
    """True iff some text is in both: if beginnings and ends agree, everything between fits one after the other."""
    heads, tails = sorted((left[0], right[0]), key=len), sorted((left[-1], right[-1]), key=len)
    return heads[1].startswith(heads[0]) and tails[1].endswith(tails[0])
