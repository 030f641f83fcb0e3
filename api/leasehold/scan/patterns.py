"""Patterns that match in time linear in the text (RE2), on UTF-8 bytes. Bytes that are no text match nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, cast

import re2  # type: ignore[import-untyped]  # it ships no types: the protocols below are what we use of it

_MEMORY = 32 << 20  # of compiled states; when it is full RE2 forgets and goes on


class Found(Protocol):
    """One match."""

    @property
    def lastindex(self) -> int | None: ...

    def span(self, group: int = 0) -> tuple[int, int]: ...

    def group(self, group: int = 0) -> bytes: ...


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: bytes, pos: int = 0) -> Found | None: ...

    def fullmatch(self, text: bytes) -> Found | None: ...

    def finditer(self, text: bytes) -> Iterator[Found]: ...


def pattern(expression: str) -> Pattern:
    """Compile an expression; the leftmost match wins, and of those the first alternative."""
    return cast("Pattern", re2.compile(expression, _options()))


def any_of(expressions: Iterable[str]) -> Pattern:
    """Compile all of them as one, to ask whether any matches at all: one look takes what a look for one takes."""
    options = _options()
    options.never_capture = True
    return cast("Pattern", re2.compile("|".join(f"(?:{one})" for one in expressions), options))


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    return options
