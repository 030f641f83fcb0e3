"""Walks through exports line by line, from checkpoint to checkpoint, and says what is wrong first.

Several exports are segments of one trail, in their order. Checkpoints known from elsewhere, out of an anchor, show what
an export alone cannot: that its end was cut off, or that another trail was told to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from leasehold.model.trail.checkpoints import InvalidNote, Note, key_id, parse_note, parse_verifier_key
from leasehold.model.trail.tree import Frontier
from leasehold.verify.trail.diagnosis import Problem, Stretch, diagnose, sound
from leasehold.verify.trail.lines import Entry, Header, UnreadableLine, read_line


class TrailKeyring:
    """The keys whose word counts: those given, and those that one of them signed to be next."""

    def __init__(self, lines: str) -> None:
        """Of verifier keys, one a line. Raises `InvalidNote`."""
        self._lines: list[str] = []
        self._keys: dict[tuple[str, bytes], Ed25519PublicKey] = {}
        self._replaced: set[tuple[str, bytes]] = set()
        self.name = ""
        for line in filter(None, map(str.strip, lines.splitlines())):
            self.trust(line)
        if not self._keys:
            raise InvalidNote("there is no key")

    def trust(self, line: str) -> None:
        """Trust a further key of the same trail. Raises `InvalidNote`."""
        name, public = parse_verifier_key(line)
        if self.name not in {"", name}:
            raise InvalidNote("the key is of another trail")
        self.name = name
        self._lines.append(line)
        self._keys[name, key_id(name, public)] = Ed25519PublicKey.from_public_bytes(public)

    def replace(self, line: str) -> None:
        """Let a key's word count no more, its successor having signed. Raises `InvalidNote`."""
        name, public = parse_verifier_key(line)
        self._replaced.add((name, key_id(name, public)))

    def copy(self) -> TrailKeyring:
        """A keyring that can learn without this one learning."""
        return TrailKeyring("\n".join(self._lines))

    def signed(self, note: Note) -> bool:
        """Whether a key signed the note. A signature in its name that does not hold spoils the note."""
        return bool(self.signers(note))

    def signers(self, note: Note) -> frozenset[tuple[str, bytes]]:
        """Which keys signed the note, those that were replaced left out."""
        ours = [(self._keys.get((one.name, one.key_id)), one) for one in note.signatures]
        try:
            for key, one in ours:
                if key is not None:
                    key.verify(one.signature, note.text.encode())
        except InvalidSignature:
            return frozenset()
        if note.head.origin != self.name:
            return frozenset()
        return frozenset((one.name, one.key_id) for key, one in ours if key is not None) - self._replaced


@dataclass(slots=True)
class Verdict:
    """What was found. `whole` if nothing is wrong; then the events from `start` to before `end` are as they were."""

    start: int = 0
    end: int = 0
    checkpoints: int = 0
    pruned: int = 0
    rotations: int = 0
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
    walk = _Walk(keyring.copy(), [parse_note(text) for text in known])
    for lines in files:
        for number, raw in enumerate(lines, start=1):
            if not walk.take(number, raw.rstrip(b"\r\n")):
                return walk.verdict
        if not walk.end_of_file():
            return walk.verdict
    walk.end()
    return walk.verdict


class _Known:
    """Checkpoints from elsewhere, believed once a key signed them that is trusted by then."""

    def __init__(self, keyring: TrailKeyring, notes: Sequence[Note]) -> None:
        self._keyring, self._unproven = keyring, list(notes)
        self.roots: dict[int, bytes] = {}
        self.prove()

    def prove(self) -> None:
        """Believe what can be believed now. Raises `InvalidNote` for two that differ."""
        for note in [one for one in self._unproven if self._keyring.signed(one)]:
            self._unproven.remove(note)
            if self.roots.setdefault(note.head.size, note.head.root) != note.head.root:
                raise InvalidNote(f"two known checkpoints of size {note.head.size} differ: the trail was forked")

    def end(self) -> None:
        """Raises `InvalidNote` for what cannot be believed: it was given to be believed."""
        if self._unproven:
            raise InvalidNote("a known checkpoint is not signed with this key")


class _Walk:
    """Where in the trail we are."""

    def __init__(self, keyring: TrailKeyring, known: Sequence[Note]) -> None:
        self.verdict = Verdict()
        self._keyring, self._known = keyring, _Known(keyring, known)
        self._handing: list[tuple[str, tuple[str, bytes]]] = []
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
        """What only the whole shows. Raises `InvalidNote`."""
        self._known.end()
        later = [size for size in self._known.roots if size > self._frontier.size]
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
        signers = self._keyring.signers(note)
        if not signers:
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
        self._hand_over(signers)
        return self._advance(head.root)

    def _hand_over(self, signers: frozenset[tuple[str, bytes]]) -> None:
        """A key whose successor has signed counts no more; the events of this stretch may name the next."""
        for before, after in [one for one in self._handing if one[1] in signers]:
            self._keyring.replace(before)
            self._handing.remove((before, after))
        for last, following in [entry.rotates for entry in self._entries if entry.rotates is not None]:
            name, public = parse_verifier_key(following)
            self._keyring.trust(following)
            self._handing.append((last, (name, key_id(name, public))))
            self.verdict.rotations += 1
        self._known.prove()

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
        if self._known.roots.get(size) in {None, self._frontier.root()}:
            return True
        return self._wrong("a known checkpoint of this size differs: the trail was forked", max(size - 1, 0))

    def _wrong(self, what: str, position: int | None, *, last: int | None = None) -> bool:
        self.verdict.problems.append(Problem(what, position, self._line, last))
        return False


def lines_of(text: bytes) -> Iterator[bytes]:
    """The lines of an export that is in memory."""
    return iter(text.splitlines())
