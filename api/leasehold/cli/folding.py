"""How much of a report fits: the worst first, the rest folded, and the number of what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

COMMENT_LIMIT = 60_000  # bytes; GitHub takes a comment of 65,536 characters
SUMMARY_LIMIT = 1_000_000  # bytes; GitHub takes a job summary of 1 MiB
_OPEN_ROWS = 20
_TAIL = 400  # bytes kept for saying what was left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The parts of a report, in the order in which they are read."""

    head: Sequence[str]
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    noun: str = "changes"
    after: Sequence[str] = ()
    fold: str = ""
    blocks: Sequence[str] = ()
    foot: Sequence[str] = field(default=())


def laid_out(sheet: Sheet, limit: int) -> str:
    """The report in at most `limit` bytes. Head, what stands after the table, and foot are always there."""
    kept = _size(sheet.head) + _size(sheet.after) + _size(sheet.foot)
    room = _Room(limit - _TAIL - kept)
    table = _table(sheet, room)
    folded = _fold(sheet, room)
    parts = [*sheet.head, *table, *sheet.after, *folded, *sheet.foot]
    return "\n".join(parts).rstrip("\n") + "\n"


class _Room:
    """Bytes that are left."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, blocks: Iterable[str]) -> list[str]:
        """The blocks from the first on that fit."""
        taken = []
        for block in blocks:
            need = len(block.encode()) + 1
            if need > self.left:
                break
            self.left -= need
            taken.append(block)
        return taken


def _table(sheet: Sheet, room: _Room) -> list[str]:
    if not sheet.rows:
        return []
    heading = [f"| {' | '.join(sheet.columns)} |", "|" + " :--- |" * len(sheet.columns)]
    room.left -= 2 * _size(heading) + 100  # once more for the folded rest
    shown = room.take(sheet.rows)
    lines = [*heading, *shown[:_OPEN_ROWS], ""]
    if rest := shown[_OPEN_ROWS:]:
        lines += [
            f"<details><summary>{len(rest)} more {sheet.noun}</summary>",
            "",
            *heading,
            *rest,
            "",
            "</details>",
            "",
        ]
    if missing := len(sheet.rows) - len(shown):
        counted = f"({len(shown)} of {len(sheet.rows)} are, worst first)"
        lines += [f"**{missing} more {sheet.noun} are not shown here** {counted}: `--json` holds them all.", ""]
    return lines


def _fold(sheet: Sheet, room: _Room) -> list[str]:
    if not sheet.blocks:
        return []
    room.left -= len(sheet.fold.encode()) + 100
    shown = room.take(sheet.blocks)
    if not shown:
        return ["There is no room here for the details: `--json` holds them all.", ""]
    lines = [f"<details><summary>{sheet.fold}</summary>", "", *shown]
    if missing := len(sheet.blocks) - len(shown):
        lines += [f"The details of {missing} more are not shown here: `--json` holds them all.", ""]
    return [*lines, "</details>", ""]


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
