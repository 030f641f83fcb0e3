"""An event at its place in the trail, as the bytes that are hashed: canonical JSON (RFC 8785), its predecessor named.

The hash of a record is its leaf hash in the tree (RFC 6962 §2.1), and the `previous` of the record behind it is that
hash: one hash binds both the chain and the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from leasehold.model.canonical_json import canonical_json
from leasehold.model.events import AuditEvent
from leasehold.model.records import AuditRecord
from leasehold.model.trail.queries import Facets
from leasehold.model.trail.tree import HASH_BYTES

RECORD_VERSION = 2
"""Of records that say whom they are about; those of version 1 do not, and stay as they were hashed."""
_SIMPLE = frozenset({str, int, bool, type(None)})
NOTHING_BEFORE = bytes(HASH_BYTES)
"""The `previous` of the first record."""


@dataclass(frozen=True, slots=True)
class Seal:
    """That the event with this sequence stands at `position`, counted from 0, and what its record hashes to.

    `about` is whom and what it is about, as it was known when the event got its place.
    """

    position: int
    sequence: int
    leaf: bytes
    about: Facets
    version: int = RECORD_VERSION


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A seal and its event; None once the event was pruned."""

    seal: Seal
    record: AuditRecord | None


def record_bytes(
    record: AuditRecord, position: int, previous: bytes, about: Facets, version: int = RECORD_VERSION
) -> bytes:
    """The canonical bytes of an event at its place. The same event gives the same bytes for ever."""
    document = {
        "v": version,
        "position": position,
        "previous": previous.hex(),
        "sequence": record.sequence,
        **event_document(record.event),
    }
    if version == RECORD_VERSION:
        document["about"] = about.document()
    return canonical_bytes(document)


def event_document(event: AuditEvent) -> dict[str, object]:
    """What an event says, as JSON-like values."""
    document: dict[str, object] = {
        "at": instant(event.at),
        "principal": event.principal,
        "action": event.action,
        "kind": event.kind,
        "name": event.name,
        "outcome": event.outcome.value,
        "reason": event.reason,
        "stack": event.stack,
        "detail": event.detail,
    }
    document |= {"source": event.origin.source} if event.origin.source else {}
    document |= {"trace": event.origin.trace} if event.origin.trace else {}
    if event.content is not None:
        content = event.content
        document["content"] = {"subject": content.subject, "digest": content.digest, "sealed": content.commitment}
    return document


def instant(at: datetime) -> str:
    """A time with all its microseconds, in UTC."""
    return f"{at.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"


def canonical_bytes(document: Mapping[str, object]) -> bytes:
    """Canonical JSON in UTF-8. Where only the order of keys is there to canonicalise, a faster encoder writes it."""
    try:
        text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS) if _is_written_alike(document) else b""
    except (orjson.JSONEncodeError, RecursionError):
        text = b""  # what has a canonical form at all is for it to say
    if text and text.isascii():  # bytes sort as UTF-16 does
        return text
    return canonical_json(document).encode()


def _is_written_alike(value: object) -> bool:
    """True if every number in it is written as ECMAScript does; of a float all write the fewest digits that do."""
    if isinstance(value, dict):
        inner: Iterable[object] = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    else:
        return False
    for one in inner:
        kind = type(one)
        if kind in _SIMPLE:
            continue
        if kind is float:
            shown = repr(one)
            if "e" in shown or "n" in shown or shown.endswith(".0"):
                return False
        elif not _is_written_alike(one):
            return False
    return True
