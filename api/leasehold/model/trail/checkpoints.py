"""A checkpoint: how long the trail was and what it hashed to, as a signed note (C2SP tlog-checkpoint, signed-note).

The text is made and taken apart here; signatures are made in `keys` and checked in `verify`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.trail.tree import HASH_BYTES

ED25519 = 1
"""The signature type of C2SP signed-note."""
_SIGNATURE = "\u2014 "
_KEY_ID_BYTES = 4
_LONGEST = 64 * 1024
_MOST_SIGNATURES = 64


class InvalidNote(ValueError):
    """The text is no checkpoint. The message repeats nothing of it."""


class NotAnchored(Exception):
    """A checkpoint could not be put where it is to be kept; the message says why, without a secret."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """What a checkpoint says: of which log (`origin`), how many events, and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed, its last newline included."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the name and the id of a key, and what it signed with."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note taken apart. INVARIANT: `head` is nobody's word until a signature over `text` was verified."""

    text: str
    head: TreeHead
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint of ours: the size that it speaks of, the whole note, and when it was signed."""

    size: int
    note: str
    at: datetime


def key_id(name: str, public_key: bytes) -> bytes:
    """The id of an Ed25519 key in signature lines (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([ED25519]) + public_key).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, public_key: bytes) -> str:
    """A public key as one line: `<name>+<key id>+<type and key>`, as other tools for signed notes read it."""
    encoded = base64.b64encode(bytes([ED25519]) + public_key).decode()
    return f"{name}+{key_id(name, public_key).hex()}+{encoded}"


def parse_verifier_key(line: str) -> tuple[str, bytes]:
    """The name and the public key of such a line. Raises `InvalidNote`."""
    name, _, rest = line.strip().partition("+")
    said, _, encoded = rest.partition("+")
    raw = _decoded(encoded)
    if not name or len(raw) != 1 + HASH_BYTES or raw[0] != ED25519 or key_id(name, raw[1:]).hex() != said:
        raise InvalidNote("the key is no Ed25519 verifier key")
    return name, raw[1:]


def signed(head: TreeHead, name: str, public_key: bytes, signature: bytes) -> str:
    """The whole note."""
    line = base64.b64encode(key_id(name, public_key) + signature).decode()
    return f"{head.text()}\n{_SIGNATURE}{name} {line}\n"


def parse_note(note: str) -> Note:
    """A note taken apart, nothing verified. Raises `InvalidNote`."""
    if len(note) > _LONGEST or any(ord(c) < ord(" ") and c != "\n" for c in note) or not note.endswith("\n"):
        raise InvalidNote("the text is no signed note")
    text, blank, lines = note.rpartition("\n\n")
    signatures = lines.splitlines()
    if not blank or not signatures or len(signatures) > _MOST_SIGNATURES:
        raise InvalidNote("the text is no signed note")
    return Note(f"{text}\n", _tree_head(text.split("\n")), tuple(_signature(line) for line in signatures))


def _tree_head(lines: list[str]) -> TreeHead:
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004  origin, size, root; then extensions
        raise InvalidNote("the note is no checkpoint")
    origin, size, root = lines[:3]
    if not (size.isascii() and size.isdecimal()) or size != str(int(size[:20])):
        raise InvalidNote("the size of the checkpoint is no number")
    raw = _decoded(root)
    if len(raw) != HASH_BYTES:
        raise InvalidNote("the root of the checkpoint is no hash")
    return TreeHead(origin, int(size), raw)


def _signature(line: str) -> NoteSignature:
    parts = line.removeprefix(_SIGNATURE).split(" ")
    if not line.startswith(_SIGNATURE) or len(parts) != 2 or not parts[0]:  # noqa: PLR2004  name and signature
        raise InvalidNote("a signature line cannot be read")
    raw = _decoded(parts[1])
    if len(raw) <= _KEY_ID_BYTES:
        raise InvalidNote("a signature line cannot be read")
    return NoteSignature(parts[0], raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:])


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidNote("what must be base64 is not") from None
