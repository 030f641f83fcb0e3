"""Walks through exports line by line, from checkpoint to checkpoint, and says what is wrong first.

Several exports are segments of one trail, in their order. Checkpoints known from elsewhere, out of an anchor, show what
an export alone cannot: that its end was cut off, or that another trail was told to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from leasehold.model.trail.checkpoints import InvalidNote, Note, key_id, parse_note, parse_verifier_key
from leasehold.model.trail.tree import Frontier
from leasehold.verify.trail.diagnosis import Problem, Stretch, diagnose, sound
from leasehold.verify.trail.lines import Entry, Header, UnreadableLine, read_line


class TrailKeyring:
    """The key whose word counts, by its name."""

    def __init__(self, line: str) -> None:
        """Of a verifier key. Raises `InvalidNote`."""
        self.name, public = parse_verifier_key(line)
        self._key_id = key_id(self.name, public)
        self._public = Ed25519PublicKey.from_public_bytes(public)

    def signed(self, note: Note) -> bool:
        """Whether the key signed the note. A signature in its name that does not hold spoils the note."""
        ours = [one for one in note.signatures if (one.name, one.key_id) == (self.name, self._key_id)]
        try:
            for one in ours:
                self._public.verify(one.signature, note.text.encode())
        except InvalidSignature:
            return False
        return bool(ours) and note.head.origin == self.name


@dataclass(slots=True)
class Verdict:
    """What was found. `whole` if nothing is wrong; then the events from `start` to before `end` are as they were."""

    start: int = 0
    end: int = 0
    checkpoints: int = 0
    pruned: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def first_bad(self) -> int | None:
        """The lowest position that is not as it was."""
        return min((one.position for one in self.problems if one.position is not None), default=None)


def verify_trail(files: Iterable[Iterable[bytes]], keyring: TrailKeyring, known: Sequence[str] = ()) -> Verdict:
    """Verify exports, in their order, against checkpoints `known` from elsewhere. Stops at the first that is wrong."""
    walk = _Walk(keyring, _known(keyring, known))
    for lines in files:
        for number, raw in enumerate(lines, start=1):
            if not walk.take(number, raw.rstrip(b"\r\n")):
                return walk.verdict
        if not walk.end_of_file():
            return walk.verdict
    walk.end()
    return walk.verdict


def _known(keyring: TrailKeyring, notes: Sequence[str]) -> Mapping[int, bytes]:
    """Roots by size. Raises `InvalidNote` for a checkpoint that cannot be believed: it was given to be believed."""
    found: dict[int, bytes] = {}
    for text in notes:
        note = parse_note(text)
        if not keyring.signed(note):
            raise InvalidNote("a known checkpoint is not signed with this key")
        if found.setdefault(note.head.size, note.head.root) != note.head.root:
            raise InvalidNote(f"two known checkpoints of size {note.head.size} differ: the trail was forked")
    return found


class _Walk:
    """Where in the trail we are."""

    def __init__(self, keyring: TrailKeyring, known: Mapping[int, bytes]) -> None:
        self.verdict = Verdict()
        self._keyring, self._known = keyring, known
        self._header: Header | None = None
        self._frontier, self._previous = Frontier(), b""
        self._entries: list[Entry] = []
        self._line, self._begun = 0, False
        self._root: bytes | None = None
        self._pruned: list[Entry] = []
        self._forgotten: list[tuple[int, int, int]] = []

    def take(self, number: int, raw: bytes) -> bool:
        """One line; False if it is wrong."""
        self._line = number
        try:
            line = read_line(number, raw)
        except UnreadableLine as error:
            return self._wrong(str(error), self._next)
        if isinstance(line, Header):
            return self._open(line)
        if self._header is None:
            return self._wrong("the export has no first line", None)
        if isinstance(line, Entry):
            self._entries.append(line)
            return True
        return self._checkpoint(line)

    def end_of_file(self) -> bool:
        """What a file leaves open at its end is wrong."""
        if self._header is None:
            return self._wrong("the export is empty", None)
        if self._entries:
            what = "the export was cut off: no checkpoint speaks of its last events"
            return self._wrong(what, self._frontier.size, last=self._next - 1)
        if self._frontier.size != self._header.end:
            return self._wrong("the export was cut off", self._frontier.size)
        self._header = None
        return True

    def end(self) -> None:
        """What only the whole shows."""
        later = [size for size in self._known if size > self._frontier.size]
        if later:
            what = f"the trail was cut off: a known checkpoint speaks of {max(later)} events"
            self._wrong(what, self._frontier.size)
        for entry in self._pruned:
            if not any(first <= entry.position < before for first, before, _ in self._forgotten):
                self._line = entry.line
                self._wrong("the event was left out, and no event in the export tells of its pruning", entry.position)
                return
        if len(self._pruned) > sum(count for *_, count in self._forgotten):
            self._line = self._pruned[0].line
            what = "more events were left out than the export tells of"
            self._wrong(what, self._pruned[0].position, last=self._pruned[-1].position)

    @property
    def _next(self) -> int:
        return self._frontier.size + len(self._entries)

    def _open(self, header: Header) -> bool:
        if self._header is not None:
            return self._wrong("the export has two first lines", self._next)
        self._header = header
        try:
            frontier = Frontier(header.start, header.peaks)
        except ValueError:
            return self._wrong("the export does not say what lies before it", None)
        if self._begun and (frontier.size, frontier.peaks) != (self._frontier.size, self._frontier.peaks):
            return self._wrong("the export does not go on where the one before it ends", min(header.start, self._next))
        if self._begun and header.previous != self._previous:
            return self._wrong("the export does not go on where the one before it ends", header.start)
        if header.origin != self._keyring.name:
            return self._wrong("the export is of another trail than the key", None)
        if not self._begun:
            self._frontier, self._previous, self.verdict.start = frontier, header.previous, header.start
            self._begun = True
        return self._agrees(header.start)

    def _checkpoint(self, note: Note) -> bool:
        head, before = note.head, self._frontier.size
        if not self._keyring.signed(note):
            return self._wrong("the checkpoint is not signed with the key", before, last=self._next - 1)
        if head.size < before or (head.size == before and not self._entries and self._root not in (None, head.root)):
            forked = head.size == before
            what = (
                "two checkpoints of one size differ: the trail was forked" if forked else "an old checkpoint came again"
            )
            return self._wrong(what, before)
        if head.size == before and not self._entries:
            return self._wrong("an old checkpoint came again", before)
        peaks = tuple(self._frontier.peaks)
        stretch = Stretch(peaks, before, self._previous, self._entries, head.size, head.root, self._line)
        if not sound(stretch):
            self.verdict.problems.append(diagnose(stretch))
            return False
        return self._advance(head.root)

    def _advance(self, root: bytes) -> bool:
        for entry in self._entries:
            self._frontier.append(entry.leaf)
            self._previous = entry.leaf
            if entry.computed is None:
                self._pruned.append(entry)
                self.verdict.pruned += 1
            if entry.forgets is not None:
                self._forgotten.append(entry.forgets)
            if not self._agrees(self._frontier.size):
                return False
        self._entries, self._root = [], root
        self.verdict.end = self._frontier.size
        self.verdict.checkpoints += 1
        return True

    def _agrees(self, size: int) -> bool:
        """With what is known from elsewhere of a trail of this size."""
        if size not in self._known or self._known[size] == self._frontier.root():
            return True
        return self._wrong("a known checkpoint of this size differs: the trail was forked", max(size - 1, 0))

    def _wrong(self, what: str, position: int | None, *, last: int | None = None) -> bool:
        self.verdict.problems.append(Problem(what, position, self._line, last))
        return False


def lines_of(text: bytes) -> Iterator[bytes]:
    """The lines of an export that is in memory."""
    return iter(text.splitlines())
