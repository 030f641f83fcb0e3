"""What stands in one window of a stream: three readings of the same bytes, and the places of what they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from leasehold.scan.advice import advice_in
from leasehold.scan.escapes import divides_escape, unescaped
from leasehold.scan.findings import FindingKind
from leasehold.scan.hidden import hidden_in, whole_characters
from leasehold.scan.secret_rules import BOUNDARY, Secret, secrets_in
from leasehold.scan.views import Change, View

_LOOK_BACK = 16


class Form(StrEnum):
    """How the bytes are read: as they are, or with JSON's escapes as the characters that they stand for."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the next window knows of the bytes before it."""

    text: bytes = b"\n"  # with hidden characters, which are judged by their neighbours
    plain: bytes = b"\n" * BOUNDARY  # without them; a token's boundary may be there
    continued: str = ""  # the rule of a secret that did not end there
    beginning: bool = True


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found at a place of the window; `secret` is the secret itself, for its digest alone."""

    kind: FindingKind
    rule: str
    start: int
    end: int
    secret: bytes = b""

    def __repr__(self) -> str:
        """Say where, never what."""
        return f"Hit({self.kind}, {self.rule}, {self.start}, {self.end})"


@dataclass(frozen=True, slots=True)
class Judged:
    """What begins before `upto`, in order, and what the next window has to know."""

    hits: Sequence[Hit]
    upto: int
    seen: Seen


@dataclass(frozen=True, slots=True)
class _Reading:
    """The window unescaped (`shown`), and that without hidden characters (`plain`)."""

    seen: Seen
    shown: View
    plain: View

    @property
    def plain_text(self) -> bytes:
        return self.seen.plain + self.plain.text

    def place(self, start: int, end: int) -> tuple[int, int]:
        back = len(self.seen.plain)
        return (
            self.shown.start_of(self.plain.start_of(start - back)),
            self.shown.end_of(self.plain.end_of(end - back)),
        )

    def tails(self, upto: int) -> tuple[bytes, bytes]:
        shown = self.shown.offset_of(upto)
        text = self.seen.text + self.shown.text[max(0, shown - _LOOK_BACK) : shown]
        plain = self.plain.offset_of(shown)
        return text[-_LOOK_BACK:], (self.seen.plain + self.plain.text[max(0, plain - BOUNDARY) : plain])[-BOUNDARY:]


def judge(raw: bytes, limit: int, seen: Seen, form: Form) -> Judged:
    """Find what begins before `limit`; what begins there goes on to its end."""
    shown = unescaped(raw) if form is Form.JSON else View(raw, ())
    look = len(seen.text)
    hidden = [
        Hit(run.kind, run.rule, run.start - look, run.end - look)
        for run in hidden_in(seen.text + shown.text, look, beginning=seen.beginning)
    ]
    reading = _Reading(seen, shown, View(shown.text, [Change(run.start, run.end, b"") for run in hidden]))
    text, back = reading.plain_text, len(seen.plain)
    secrets = secrets_in(text, back, seen.continued)
    hits = sorted(
        (
            *(Hit(run.kind, run.rule, shown.start_of(run.start), shown.end_of(run.end)) for run in hidden),
            *_secret_hits(secrets, reading),
            *(Hit(FindingKind.INSTRUCTION, rule, *reading.place(*at)) for rule, *at in advice_in(text, back)),
        ),
        key=lambda hit: (hit.start, -hit.end),
    )
    upto = _reach(hits, _cut(raw, limit, shown, form))
    continued = secrets[-1].rule if secrets and secrets[-1].end == len(text) and upto == len(raw) else ""
    return Judged(
        [hit for hit in hits if hit.start < upto], upto, Seen(*reading.tails(upto), continued, beginning=False)
    )


def _secret_hits(secrets: Sequence[Secret], reading: _Reading) -> Iterator[Hit]:
    text = reading.plain_text
    for one in secrets:
        if one.end > one.start:
            start, end = reading.place(one.start, one.end)
            yield Hit(FindingKind.SECRET, one.rule, start, end, text[one.start : one.end])


def _cut(raw: bytes, limit: int, shown: View, form: Form) -> int:
    """The place before `limit` that divides neither a character nor an escape."""
    cut = shown.cut(limit)
    if form is Form.JSON and cut < len(raw) and divides_escape(raw, cut):
        return cut - 1
    return whole_characters(raw, cut) if cut == limit else cut


def _reach(hits: Sequence[Hit], upto: int) -> int:
    """The end of all that begins before `upto`."""
    for hit in hits:
        if hit.start >= upto:
            break
        upto = max(upto, hit.end)
    return upto
