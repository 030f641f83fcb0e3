"""The summary of a GitHub job: a file that the runner reads when the step ends, and drops if it is too long."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leasehold.cli.folding import SUMMARY_LIMIT
from leasehold.cli.safe_text import words

_MISSED = 5


def append_summary(path: Path, report: str, missed: Sequence[str] = ()) -> None:
    """Add a report, and what did not arrive elsewhere. A step shares one file: what would not fit is said instead."""
    told = "".join(f"> ⚠️ {words(one)}\n\n" for one in missed[:_MISSED])
    text = f"{told}{report}\n"
    there = path.stat().st_size if path.exists() else 0
    if there + len(text.encode()) > SUMMARY_LIMIT + 40_000:  # below the 1 MiB that GitHub takes
        text = f"{told}⚠️ A Leasehold report does not fit into this summary any more.\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
