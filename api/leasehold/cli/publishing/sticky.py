"""One comment per stack: found by its marker, brought up to date, made anew if somebody deleted it, never two."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from leasehold.cli.publishing.courier import Gone, Undelivered

_ROUNDS = 6
_MARKER = re.compile(r"<!-- (leasehold:[a-z]+ stack=[a-z0-9_,-]*)(?: run=(\d{1,19})\.(\d{1,19}))? -->")
Run = tuple[int, int]


class Outcome(StrEnum):
    """What became of a comment."""

    CREATED = "created"
    UPDATED = "updated"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Note:
    """A comment of ours; who wrote what looks like one of ours is settled by the thread."""

    id: int
    body: str


class Thread(Protocol):
    """The comments of one pull request."""

    def notes(self) -> Iterable[Note]:
        """Every comment that our own token wrote."""

    def add(self, body: str) -> Note:
        """A new comment."""

    def edit(self, note: int, body: str) -> None:
        """Raises `Gone` if it was deleted."""

    def remove(self, note: int) -> None:
        """Raises `Gone` if it was deleted."""


def kept(thread: Thread, body: str, run: Run) -> Outcome:
    """See that the thread holds this report once, or that of a newer run.

    Two runs may both find nothing and both add a comment. Each looks again after every write: the oldest comment stays,
    with the report of the newest run, and the others go. Whoever comes last leaves one.
    """
    outcome, stamped = Outcome.UPDATED, _stamped(body, run)
    added: list[Note] = []
    written = False
    for _ in range(_ROUNDS):
        notes = sorted(_ours(thread, stamped), key=lambda note: note.id) or added  # a list may lag behind
        if not notes:
            added, outcome = [thread.add(stamped)], Outcome.CREATED
        elif len(notes) == 1 and _run_of(notes[0].body) > run:
            return Outcome.SUPERSEDED
        elif len(notes) == 1 and _run_of(notes[0].body) == run and (written or notes[0].body == stamped):
            return outcome
        else:
            added = []
            _converge(thread, notes, stamped)
        written = True
    raise Undelivered("the comments of the pull request keep changing")


def _converge(thread: Thread, notes: list[Note], stamped: str) -> None:
    first, *others = notes
    newest = max([stamped, *(note.body for note in notes)], key=_run_of)  # of equals, ours
    try:
        if first.body != newest:
            thread.edit(first.id, newest)
        for note in others:
            thread.remove(note.id)
    except Gone:
        return  # the next look tells


def _ours(thread: Thread, stamped: str) -> list[Note]:
    key = _key(stamped)
    return [note for note in thread.notes() if _key(note.body) == key]


def _stamped(body: str, run: Run) -> str:
    first, _, rest = body.partition("\n")
    found = _MARKER.fullmatch(first)
    if found is None:
        raise ValueError("a report begins with its marker")
    return f"<!-- {found[1]} run={run[0]}.{run[1]} -->\n{rest}"


def _key(body: str) -> str | None:
    found = _MARKER.match(body)
    return found[1] if found else None


def _run_of(body: str) -> Run:
    found = _MARKER.match(body)
    return (int(found[2]), int(found[3])) if found and found[2] else (0, 0)
