"""What terminal and Markdown share: how a report is counted and dated."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

LEVELS = ("low", "medium", "high", "critical")
_STACK = re.compile(r"[a-z0-9_-]{1,63}")
Json = dict[str, Any]  # Any: a report, as its schema in schemas/ says


def rank(level: str | None) -> int:
    """1 (low) to 4 (critical); 0 for none, or a word that we do not know."""
    return LEVELS.index(level) + 1 if level in LEVELS else 0


def tally(risks: list[str]) -> str:
    """`1 critical, 2 low`."""
    counts = Counter(risks)
    return ", ".join(f"{counts[level]} {level}" for level in reversed(LEVELS) if counts[level])


def changes_of(review: Json) -> list[Json]:
    """All changes of a plan review, worst first."""
    changes: list[Json] = [*review["access"], *review["foundations"]]
    return sorted(changes, key=lambda one: -rank(one["risk"]))


def moment(at: object) -> str:
    """`2026-11-21 22:14 UTC` of an RFC 3339 time in UTC."""
    text = str(at)
    return f"{text[:10]} {text[11:16]} UTC" if text.endswith("Z") else text


def stacks_of(report: Json) -> str:
    """The stacks, for titles and markers; names that are none are left out, so that nothing breaks out."""
    return ",".join(name for name in map(str, report["stacks"]) if _STACK.fullmatch(name))


def is_partial(report: Json, notes: tuple[str, ...]) -> bool:
    """True if something declared could not be compared."""
    return bool(notes) or bool(report["unproven"]) or not report["snapshot"]["complete"]
