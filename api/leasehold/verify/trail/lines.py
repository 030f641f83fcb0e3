"""Lines of an export taken apart; a line that is none of ours is told by its number."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from leasehold.model.trail.checkpoints import InvalidNote, Note, parse_note, parse_verifier_key
from leasehold.model.trail.keeping import ROTATE, TRAIL
from leasehold.model.trail.tree import HASH_BYTES, leaf_hash

FORMAT = "leasehold-audit/1"
_BEFORE = b'{"leaf":"'
_LEAF_END = len(_BEFORE) + 2 * HASH_BYTES
_RECORD = b'","record":'
_PRUNED = b'","pruned":'


class UnreadableLine(ValueError):
    """The line is none of an export."""


@dataclass(frozen=True, slots=True)
class Header:
    """Where an export starts, and what its first event hangs on."""

    origin: str
    start: int
    end: int
    previous: bytes
    peaks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of an export: what it says of itself, the leaf hash it is listed with, and the one that it hashes to.

    `computed` and `previous` are None where it was pruned, and only the listed hash is left.
    """

    line: int
    position: int
    listed: bytes
    computed: bytes | None
    previous: bytes | None
    forgets: tuple[int, int, int] | None = None
    rotates: tuple[str, str] | None = None

    @property
    def leaf(self) -> bytes:
        """What it adds to the tree."""
        return self.computed if self.computed is not None else self.listed


Line = Header | Entry | Note


def read_line(number: int, raw: bytes) -> Line:
    """One line, without the newline. Raises `UnreadableLine`."""
    if raw.startswith(_BEFORE):
        return _entry(number, raw)
    try:
        found = json.loads(raw)
        if set(found) == {"checkpoint"}:
            return parse_note(found["checkpoint"])
        if found["format"] != FORMAT:
            raise UnreadableLine("the export is of another format")
        peaks = tuple(bytes.fromhex(peak) for peak in found["peaks"])
        return Header(
            str(found["origin"]), int(found["start"]), int(found["end"]), bytes.fromhex(found["previous"]), peaks
        )
    except InvalidNote as error:
        raise UnreadableLine(str(error)) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UnreadableLine("the line is none of an export") from None


def _entry(number: int, raw: bytes) -> Entry:
    try:
        listed = bytes.fromhex(raw[len(_BEFORE) : _LEAF_END].decode())
        rest = raw[_LEAF_END:]
        if rest.startswith(_PRUNED) and rest.endswith(b"}"):
            return Entry(number, int(rest[len(_PRUNED) : -1]), listed, None, None)
        if not rest.startswith(_RECORD) or not rest.endswith(b"}"):
            raise UnreadableLine("the line is none of an export")
        record = rest[len(_RECORD) : -1]
        said: dict[str, Any] = json.loads(record)  # Any: what an event says
        previous = bytes.fromhex(said["previous"])
        return Entry(
            number, int(said["position"]), listed, leaf_hash(record), previous, _forgotten(said), _rotated(said)
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UnreadableLine("the event cannot be read") from None


def _rotated(said: dict[str, Any]) -> tuple[str, str] | None:  # Any: as above
    """The verifier keys that an event says to follow one another."""
    if said.get("kind") != TRAIL or said.get("action") != ROTATE or said.get("outcome") != "ok":
        return None
    detail = said["detail"]
    for line in (detail["from"], detail["to"]):
        parse_verifier_key(line)
    return detail["from"], detail["to"]


def _forgotten(said: dict[str, Any]) -> tuple[int, int, int] | None:  # Any: as above
    """The positions that an event says were pruned, from and before, and how many of them."""
    if said.get("kind") != TRAIL or said.get("action") != "prune" or said.get("outcome") != "ok":
        return None
    detail = said["detail"]
    return int(detail["first"]), int(detail["before"]), int(detail["count"])
