"""What stands in one window of a stream: three readings of the same bytes, and the places of what they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from leasehold.scan.advice import EXPRESSION, advice_in
from leasehold.scan.escapes import divides_escape, unescaped
from leasehold.scan.findings import FindingKind
from leasehold.scan.hidden import Hidden, hidden_in, whole_characters
from leasehold.scan.patterns import any_of
from leasehold.scan.secret_rules import BOUNDARY, EXPRESSIONS, Secret, secrets_in
from leasehold.scan.views import Change, View

_LOOK_BACK = 16
_ANYTHING = any_of((*EXPRESSIONS, EXPRESSION))


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
    """Something found at a place of the window.

    `begins` is where what tells it begins; `secret` is the secret itself, for its digest alone.
    """

    kind: FindingKind
    rule: str
    start: int
    end: int
    begins: int
    secret: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Judged:
    """What begins before `upto`, in order, and what the next window has to know."""

    hits: Sequence[Hit]
    upto: int
    seen: Seen


@dataclass(frozen=True, slots=True)
class _Reading:
    """A text behind the end of what was seen before, and the views through which it was read."""

    seen: bytes
    views: tuple[View, ...]

    @property
    def text(self) -> bytes:
        return self.seen + self.views[-1].text

    def place(self, start: int, end: int) -> tuple[int, int]:
        start, end = start - len(self.seen), end - len(self.seen)
        for view in reversed(self.views):
            start, end = view.start_of(start), view.end_of(end)
        return start, end

    def tail(self, upto: int, length: int) -> bytes:
        """The last bytes of the reading before a place of the window."""
        for view in self.views:
            upto = view.offset_of(upto)
        return (self.seen + self.views[-1].text[max(0, upto - length) : upto])[-length:]


_NOTHING_SEEN = Seen()


def is_clean(raw: bytes, form: Form) -> bool:
    """True if there is nothing to find in a whole text, as in most: `judge` says the same, and takes longer."""
    text = _shown(raw, form).text
    before = _NOTHING_SEEN
    if next(hidden_in(before.text + text, len(before.text), beginning=before.beginning), None) is not None:
        return False
    return _ANYTHING.search(before.plain + text) is None


def judge(raw: bytes, limit: int, seen: Seen, form: Form) -> Judged:
    """Find what begins before `limit`; what begins there goes on to its end."""
    shown = _shown(raw, form)
    look = len(seen.text)
    hidden = list(hidden_in(seen.text + shown.text, look, beginning=seen.beginning))
    visible = _Reading(seen.text, (shown,))
    plain = _Reading(seen.plain, (shown, View(shown.text, [Change(h.start - look, h.end - look, b"") for h in hidden])))
    secrets, hits = list[Secret](), list[Hit]()
    if hidden or seen.continued or _ANYTHING.search(plain.text) is not None:
        secrets = secrets_in(plain.text, len(seen.plain), seen.continued)
        # A hidden character may divide a secret, or stand where its boundary would be: both readings count.
        both = [
            *_secret_hits(secrets, plain),
            *(_secret_hits(secrets_in(visible.text, look), visible) if hidden else ()),
        ]
        hits = [*_outermost(both), *_hidden_hits(hidden, visible), *_advice_hits(plain)]
    upto = _reach(hits, _cut(raw, limit, shown, form))
    continued = secrets[-1].rule if secrets and secrets[-1].end == len(plain.text) and upto == len(raw) else ""
    return Judged(
        sorted((hit for hit in hits if hit.start < upto), key=lambda hit: (hit.start, -hit.end)),
        upto,
        Seen(visible.tail(upto, _LOOK_BACK), plain.tail(upto, BOUNDARY), continued, beginning=False),
    )


def _shown(raw: bytes, form: Form) -> View:
    return unescaped(raw) if form is Form.JSON else View(raw, ())


def _secret_hits(secrets: Sequence[Secret], reading: _Reading) -> Iterator[Hit]:
    text = reading.text
    for one in secrets:
        if one.end > one.start:
            start, end = reading.place(one.start, one.end)
            begins = reading.place(one.begins, one.end)[0]
            yield Hit(FindingKind.SECRET, one.rule, start, end, begins, text[one.start : one.end])


def _outermost(hits: Sequence[Hit]) -> Iterator[Hit]:
    """Those that lie in no other."""
    reached = -1
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.end > reached:
            reached = hit.end
            yield hit


def _hidden_hits(hidden: Sequence[Hidden], reading: _Reading) -> Iterator[Hit]:
    for run in hidden:
        start, end = reading.place(run.start, run.end)
        yield Hit(run.kind, run.rule, start, end, start)


def _advice_hits(reading: _Reading) -> Iterator[Hit]:
    for rule, *at in advice_in(reading.text, len(reading.seen)):
        start, end = reading.place(*at)
        yield Hit(FindingKind.INSTRUCTION, rule, start, end, start)


def _cut(raw: bytes, limit: int, shown: View, form: Form) -> int:
    """The place before `limit` that divides neither a character nor an escape."""
    cut = shown.cut(limit)
    if form is Form.JSON and cut < len(raw) and divides_escape(raw, cut):
        return cut - 1
    return whole_characters(raw, cut) if cut == limit else cut


def _reach(hits: Sequence[Hit], upto: int) -> int:
    """The end of all that begins before `upto`."""
    for hit in sorted(hits, key=lambda hit: hit.begins):
        if hit.begins >= upto:
            break
        upto = max(upto, hit.end)
    return upto
