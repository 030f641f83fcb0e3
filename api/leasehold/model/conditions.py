"""Conditions on verified claims, beside the pins of a binding. They only ever narrow what the pins admit.

A pattern is no regular expression: `*` stands for a run of characters within one part of a value, and never for `/`
or `:`. So a pattern cannot be made slow, and cannot reach into the next part of a structured value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_text

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_PATH = re.compile(r"[!-~]{1,256}")
_SPECIAL = frozenset("?[]{}\\")
_SEPARATORS = re.compile(r"[/:]")
_WILDCARDS_MAX = 4
_DEPTH_MAX = 6
_EXACT_INTEGER = 2**53  # RFC 8259 §6: beyond it JSON readers do not agree
MAX_CONDITIONS = 16
# Checked for every token by itself, with rules of its own.
_REGISTERED = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimCondition:
    """What one claim must be. A string is no number: `exact`, `one_of` and `glob` hold of strings alone."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    exact: str | None = None
    one_of: frozenset[str] = frozenset()
    glob: str | None = None
    number: int | None = None
    boolean: bool | None = None

    def __post_init__(self) -> None:
        given = (self.exact, self.one_of or None, self.glob, self.number, self.boolean)
        if sum(one is not None for one in given) != 1:
            raise InvalidValue("give exactly one of exact, one_of, glob, number and boolean")
        for value in (self.exact, *self.one_of):
            if value is not None:
                check_text(value, "a value")
        if self.glob is not None:
            check_glob(self.glob)
        if self.number is not None and abs(self.number) >= _EXACT_INTEGER:
            raise InvalidValue("number must be below 2^53")

    def holds(self, value: object) -> bool:
        """True iff a claim of this value meets the condition; a claim that is not there is None."""
        if self.boolean is not None:
            return value is self.boolean
        if self.number is not None:
            return type(value) is int and value == self.number
        if not isinstance(value, str):
            return False
        if self.glob is not None:
            return matches_glob(self.glob, value)
        return value == self.exact if self.exact is not None else value in self.one_of


def check_conditions(conditions: Mapping[str, ClaimCondition], untrusted: tuple[str, ...]) -> None:
    """Raise `InvalidValue` for a path that leads nowhere, or to what the caller of an issuer chooses (`untrusted`)."""
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidValue(f"at most {MAX_CONDITIONS} claims can be conditions")
    for path in conditions:
        if not _PATH.fullmatch(path) or len(path.split("/")) > _DEPTH_MAX:
            raise InvalidValue("a claim is named, or pointed at by /its/path (RFC 6901), in printable ASCII")
        if _steps(path)[0] in _REGISTERED:
            raise InvalidValue(f"`{path}` is checked for every token, and can be no condition")
        if any(_steps(path)[: len(_steps(one))] == _steps(one) for one in untrusted):
            raise InvalidValue(f"the caller chooses `{path}`: a condition on it would keep nobody out")


def find_claim(claims: Mapping[str, object], path: str) -> object:
    """The value that a path points at, None if nothing is there. Only a path that starts with `/` goes inside."""
    found: object = claims
    for step in _steps(path):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def check_glob(pattern: str) -> None:
    """Raise `InvalidValue` for a pattern that is broader, or cleverer, than a reader would think."""
    check_text(pattern, "glob")
    if _SPECIAL & set(pattern):
        raise InvalidValue("glob knows `*` alone: no ?, no [ ], no { } and no backslash")
    if not 1 <= pattern.count("*") <= _WILDCARDS_MAX:
        raise InvalidValue(f"glob holds 1 to {_WILDCARDS_MAX} `*`; without one, use exact")
    if "**" in pattern:
        raise InvalidValue("`*` stays within one part of a value; there is no `**`")
    *leading, last = _SEPARATORS.split(pattern)
    if (leading or [last])[0].startswith("*"):
        raise InvalidValue("glob must say how the value begins")
    if any("*" in part and part != "*" for part in leading) or (last.startswith("*") and last != "*"):
        raise InvalidValue("`*` stands for a whole part, or within the last: `acme*/web` would admit `acme-evil/web`")


def matches_glob(pattern: str, value: str) -> bool:
    """True iff the value is of the pattern, part by part. Takes time in proportion to their lengths."""
    if _SEPARATORS.findall(pattern) != _SEPARATORS.findall(value):
        return False
    pairs = zip(_SEPARATORS.split(pattern), _SEPARATORS.split(value), strict=True)
    return all(_part_matches(part, found) for part, found in pairs)


def _part_matches(part: str, found: str) -> bool:
    if "*" not in part:
        return part == found
    first, *middle, last = part.split("*")
    if len(found) < len(first) + len(last) or not (found.startswith(first) and found.endswith(last)):
        return False
    at, end = len(first), len(found) - len(last)
    for piece in middle:
        at = found.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return at <= end and bool(found)  # a `*` by itself does not stand for nothing at all


def _steps(path: str) -> list[str]:
    if not path.startswith("/"):
        return [path]
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
