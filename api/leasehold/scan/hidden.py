"""Characters that nobody sees, or that drive a terminal: Unicode's invisible and directional ones, ANSI escapes.

What languages and emoji need is no finding: joiners between letters that join, marks beside right-to-left letters, one
variation selector behind a character that has variants, the tags of a flag.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leasehold.scan.findings import FindingKind
from leasehold.scan.patterns import pattern

# ECMA-48 §5.4, without the quotation mark: none ends inside JSON what begins inside a string.
_ANSI = (
    r"\x1b(?:\[[0-?]{0,32}[ !#-/]{0,4}[@-~]|[\]PX^_][^\x07\x1b\"]{0,200}(?:\x07|\x1b\\)|[ !#-/]{0,4}[0-~])"
    r"|\x{9b}[0-?]{0,32}[ !#-/]{0,4}[@-~]"
)
_KINDS = (
    (FindingKind.ANSI, _ANSI),
    (FindingKind.CONTROL, r"[\x00-\x08\x0b\x0e-\x1f\x7f\x{80}-\x{84}\x{86}-\x{9f}]+"),
    (FindingKind.TAG, r"[\x{e0000}-\x{e007f}]+"),
    (FindingKind.BIDI, r"[\x{202a}-\x{202e}\x{2066}-\x{2069}]+"),
    (FindingKind.ZERO_WIDTH, r"[\x{200b}-\x{200f}\x{2060}-\x{2064}\x{feff}\x{061c}\x{180e}]+"),
    (FindingKind.VARIATION, r"[\x{fe00}-\x{fe0f}\x{e0100}-\x{e01ef}]+"),
    (FindingKind.FILLER, r"[\x{115f}\x{1160}\x{3164}\x{ffa0}]+"),
)
_PATTERN = pattern("|".join(f"({shape})" for _, shape in _KINDS))
_CONTROLS = bytes((*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F))
_LONGEST_CHARACTER = 4
_JOINING = ((0x0600, 0x06FF), (0x0700, 0x08FF), (0x0900, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x18AF), (0xFB50, 0xFEFC))
_RIGHT_TO_LEFT = ((0x0590, 0x08FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC), (0x10800, 0x10FFF), (0x1E800, 0x1EFFF))
_PICTOGRAPHS = (
    (0x203C, 0x2049),
    (0x20E3, 0x20E3),
    (0x2100, 0x2BFF),
    (0x3030, 0x303D),
    (0x3297, 0x3299),
    (0x1F000, 0x1FAFF),
)
_HAS_STYLES = (*_PICTOGRAPHS, (0x23, 0x23), (0x2A, 0x2A), (0x30, 0x39), (0xA9, 0xA9), (0xAE, 0xAE))
_IDEOGRAPHS = ((0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF), (0x1820, 0x18AA), (0x1000, 0x109F))
_BLACK_FLAG, _CANCEL_TAG = 0x1F3F4, 0xE007F
_FLAG_TAGS = range(4, 8)
_ZWNJ, _ZWJ, _VS16, _BOM = 0x200C, 0x200D, 0xFE0F, 0xFEFF
_MARKS = frozenset({0x200E, 0x200F, 0x061C})


@dataclass(frozen=True, slots=True)
class Hidden:
    """A run of hidden characters of one kind, and the first of them."""

    kind: FindingKind
    rule: str
    start: int
    end: int


def hidden_in(text: bytes, seen: int, *, beginning: bool) -> Iterator[Hidden]:
    """Every run that nothing explains, after the first `seen` bytes. At the beginning U+FEFF is a byte order mark."""
    if text.isascii() and len(text.translate(None, _CONTROLS)) == len(text):
        return
    at = seen
    while found := _PATTERN.search(text, at):
        group = found.lastindex or 1
        start, at = found.span(group)
        run = text[start:at].decode(errors="replace")
        kind = _KINDS[group - 1][0]
        if beginning and start == seen and run == chr(_BOM):
            continue
        if not _explained(kind, run, _last(text[max(0, start - _LONGEST_CHARACTER) : start]), _first(text, at)):
            yield Hidden(kind, f"U+{ord(run[0]):04X}", start, at)


def whole_characters(text: bytes, length: int) -> int:
    """The last offset at or before `length` that begins a character, or `length` where the bytes are no text."""
    for back in range(min(_LONGEST_CHARACTER, length + 1)):
        at = length - back
        if at == len(text) or text[at] & 0xC0 != 0x80:  # noqa: PLR2004 — UTF-8's mark of a byte that continues
            return at
    return length


def _explained(kind: FindingKind, run: str, before: int, after: int) -> bool:
    if kind is FindingKind.TAG:
        return before == _BLACK_FLAG and ord(run[-1]) == _CANCEL_TAG and len(run) in _FLAG_TAGS
    if len(run) > 1:
        return False
    if kind is FindingKind.VARIATION:
        return _in(before, _HAS_STYLES if ord(run) <= _VS16 else _IDEOGRAPHS) or (
            ord(run) <= _VS16 and _in(before, _IDEOGRAPHS)
        )
    if kind is FindingKind.ZERO_WIDTH:
        return _joins(ord(run), before, after)
    return False


def _joins(character: int, before: int, after: int) -> bool:
    if character in _MARKS:
        return _in(before, _RIGHT_TO_LEFT) or _in(after, _RIGHT_TO_LEFT)
    if character == _ZWJ and (_in(before, _PICTOGRAPHS) or before == _VS16):
        return _in(after, _PICTOGRAPHS)
    return character in {_ZWNJ, _ZWJ} and _in(before, _JOINING)


def _in(character: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= character <= high for low, high in ranges)


def _last(text: bytes) -> int:
    shown = text.decode(errors="ignore")
    return ord(shown[-1]) if shown else 0


def _first(text: bytes, at: int) -> int:
    shown = text[at : at + _LONGEST_CHARACTER].decode(errors="ignore")
    return ord(shown[0]) if shown else 0
