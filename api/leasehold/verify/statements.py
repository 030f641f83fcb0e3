"""What the revocation feed says, once its signature and its shape are proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leasehold.model.revocations import BATCH_TYPE, SNAPSHOT_TYPE, feed_audience
from leasehold.verify.refusals import Reason, Untrusted
from leasehold.verify.signatures import KeyFinder, read_signed


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Every event behind `since` up to `sequence`. `at`: complete up to then, in seconds since the epoch."""

    since: int
    sequence: int
    events: tuple[tuple[str, int], ...]
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The lowest good generation of every node of which events still matter, up to `sequence`."""

    sequence: int
    minimums: Mapping[str, int]
    at: float


class StatementReader:
    """Reads statements of one issuer's feed. Each method raises `Untrusted`."""

    def __init__(self, issuer: str, keys: KeyFinder) -> None:
        self._issuer = issuer
        self._keys = keys

    def batch(self, text: str) -> Batch:
        """A batch or heartbeat."""
        claims = self._claims(text, BATCH_TYPE)
        since, sequence, events = _count(claims.get("since")), _count(claims.get("seq")), claims.get("events")
        if not isinstance(events, list) or sequence - since != len(events):
            raise Untrusted(Reason.BAD_CLAIM)
        return Batch(since=since, sequence=sequence, events=tuple(_event(one) for one in events), at=_at(claims))

    def snapshot(self, text: str) -> Snapshot:
        """A snapshot."""
        claims = self._claims(text, SNAPSHOT_TYPE)
        nodes = claims.get("nodes")
        if not isinstance(nodes, dict):
            raise Untrusted(Reason.BAD_CLAIM)
        minimums = dict(_event(list(item)) for item in nodes.items())
        return Snapshot(sequence=_count(claims.get("seq")), minimums=minimums, at=_at(claims))

    def _claims(self, text: str, statement_type: str) -> dict[str, object]:
        claims = read_signed(text, statement_type, self._keys)
        if claims.get("iss") != self._issuer:
            raise Untrusted(Reason.WRONG_ISSUER)
        if claims.get("aud") != feed_audience(self._issuer):
            raise Untrusted(Reason.WRONG_AUDIENCE)
        return claims


def _event(value: object) -> tuple[str, int]:
    match value:
        case [str(node), generation]:
            return node, _count(generation)
        case _:
            raise Untrusted(Reason.BAD_CLAIM)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Untrusted(Reason.BAD_CLAIM)
    return value


def _at(claims: Mapping[str, object]) -> float:
    return _count(claims.get("at")) / 1000
