"""What was done to a stretch of the trail that does not lead to its checkpoint, and which event is the first of it.

A signed root stands for one list of leaf hashes. Whatever in an export leads to that root is the truth: the hashes
listed beside the events, or those that each event names as its predecessor's. Against it the first event that differs
is told exactly; where nothing leads there any more, the stretch is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leasehold.model.trail.tree import Frontier
from leasehold.verify.trail.lines import Entry


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong. `position` is the first event that it concerns, None for none; `last` where a stretch ends."""

    what: str
    position: int | None
    line: int
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The events between two checkpoints: the tree before them, the leaf before them, and the root behind them."""

    peaks: tuple[bytes, ...]
    start: int
    previous: bytes
    entries: Sequence[Entry]
    size: int
    root: bytes
    line: int

    def leads_there(self, leaves: Sequence[bytes]) -> bool:
        """Whether these leaves lead to the root."""
        if self.start + len(leaves) != self.size:
            return False
        frontier = Frontier(self.start, self.peaks)
        for leaf in leaves:
            frontier.append(leaf)
        return frontier.root() == self.root


def sound(stretch: Stretch) -> bool:
    """Whether every event is at its place, hangs on the one before it, and all of them lead to the root."""
    previous = stretch.previous
    for position, entry in enumerate(stretch.entries, start=stretch.start):
        linked = entry.previous is None or entry.previous == previous
        if entry.position != position or not linked or entry.leaf != entry.listed:
            return False
        previous = entry.leaf
    return stretch.leads_there([entry.leaf for entry in stretch.entries])


def diagnose(stretch: Stretch) -> Problem:
    """The first thing that is wrong in a stretch that is not sound."""
    for look in (_changed, _out_of_order, _put_in, _taken_out, _broken):
        found = look(stretch)
        if found is not None:
            return found
    last = max(stretch.size, stretch.start + len(stretch.entries)) - 1
    what = "events were changed, and everything behind them anew: they do not lead to the signed checkpoint"
    return Problem(what, stretch.start, stretch.line, last)


def _changed(stretch: Stretch) -> Problem | None:
    """Each event at its place, and one of them says something else than it did."""
    entries = stretch.entries
    listed = [entry.listed for entry in entries]
    linked = [one.previous or listed[at] for at, one in enumerate(entries[1:])] + listed[-1:]
    for truth in (listed, linked):
        if stretch.leads_there(truth):
            for position, (entry, leaf) in enumerate(zip(entries, truth, strict=True), start=stretch.start):
                if entry.leaf != leaf:
                    return Problem("the event was changed", position, entry.line)
                if entry.position != position or entry.listed != leaf:
                    return Problem("the event was told with a wrong place or hash", position, entry.line)
    return None


def _out_of_order(stretch: Stretch) -> Problem | None:
    """All events are there, in another order."""
    ordered = sorted(stretch.entries, key=lambda entry: entry.position)
    if not stretch.leads_there([entry.leaf for entry in ordered]):
        return None
    for position, entry in enumerate(stretch.entries, start=stretch.start):
        if entry.position != position:
            return Problem(f"event {entry.position} stands at this place", position, entry.line)
    return None


def _put_in(stretch: Stretch) -> Problem | None:
    """Without one event, or a few neighbours, the rest leads to the root."""
    more = stretch.start + len(stretch.entries) - stretch.size
    if more <= 0:
        return None
    for leaf_of in (_own, _listed):
        leaves = [leaf_of(entry) for entry in stretch.entries]
        for at in _breaks(stretch):
            for first in {max(at - more, 0), at}:
                if stretch.leads_there(leaves[:first] + leaves[first + more :]):
                    return Problem("the event was put in", stretch.start + first, stretch.entries[first].line)
    return None


def _taken_out(stretch: Stretch) -> Problem | None:
    """A place is missing."""
    if stretch.start + len(stretch.entries) >= stretch.size:
        return None
    for position, entry in enumerate(stretch.entries, start=stretch.start):
        if entry.position != position:
            return Problem("the event is missing", position, entry.line)
        if entry.computed is not None and entry.computed != entry.listed:
            return Problem("the event was changed", position, entry.line)
    for position, entry, following in _pairs(stretch):
        if following.previous is not None and following.previous != entry.leaf:
            return Problem("the event is missing, and those behind it were counted anew", position + 1, following.line)
    return Problem("the event is missing", stretch.start + len(stretch.entries), stretch.line)


def _broken(stretch: Stretch) -> Problem | None:
    """The chain breaks somewhere."""
    at = next(iter(_breaks(stretch)), None)
    if at is None or at >= len(stretch.entries):
        return None
    entry = stretch.entries[at]
    return Problem("the event does not belong at this place", stretch.start + at, entry.line)


def _breaks(stretch: Stretch) -> Iterator[int]:
    """Where in the stretch an event does not fit to the one before it, or to its own hash."""
    previous = stretch.previous
    for at, entry in enumerate(stretch.entries):
        linked = entry.previous is None or entry.previous == previous
        if not linked or entry.position != stretch.start + at or entry.leaf != entry.listed:
            yield at
        previous = entry.leaf
    yield len(stretch.entries)


def _pairs(stretch: Stretch) -> Iterator[tuple[int, Entry, Entry]]:
    pairs = zip(stretch.entries, stretch.entries[1:], strict=False)
    for position, (entry, following) in enumerate(pairs, start=stretch.start):
        yield position, entry, following


def _own(entry: Entry) -> bytes:
    return entry.leaf


def _listed(entry: Entry) -> bytes:
    return entry.listed
