"""Live strings are written by strangers. Here they become text that moves no cursor, hides and renders nothing."""

from __future__ import annotations

import re

_LONGEST = 300
_PIPE = "\\u{7c}"
# letters that print nothing: Hangul fillers, the braille blank and the combining grapheme joiner
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
_MARKDOWN = re.compile(r"([\\*_\[\]#|~])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BACKTICKS = re.compile(r"`+")
# what GitHub or GitLab turns into a mention, a reference, a label, a commit or a link
_ODD = re.compile(
    r"\S*[@`]\S*|\S*[#!~$%&^](?=[\w\"])\S*|\S*://\S*|(?:mailto|www)[:.]\S*|\bGH-\d+\b|\b[0-9a-f]{7,64}\b|\[\w+:\S*",
    re.IGNORECASE,
)


def visible(text: object, longest: int = _LONGEST) -> str:
    """One line without control, invisible or direction characters: each is spelt out by its code point."""
    raw = str(text)
    shown = raw if len(raw) <= longest else raw[: longest - 1] + "…"
    return "".join(c if c.isprintable() and c not in _BLANK else f"\\u{{{ord(c):x}}}" for c in shown)


def visible_lines(text: str) -> str:
    """Several lines, each made visible."""
    return "\n".join(visible(line, 10_000) for line in text.split("\n"))


def code(text: object) -> str:
    """A Markdown code span, where nothing is a link, a mention or HTML; the fence outgrows what is inside."""
    shown = visible(text) or "(empty)"
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    """A Markdown code block; the fence outgrows what is inside."""
    shown = visible_lines(text.rstrip("\n"))
    fence = "`" * max(3, max((len(run) for run in _BACKTICKS.findall(shown)), default=0) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def prose(text: str) -> str:
    """A sentence for Markdown: what stands between backticks as code, the rest as words that format nothing."""
    pieces = visible(text, 2_000).split("`")
    if len(pieces) % 2 == 0:  # a backtick without its partner: trust no piece
        return code(text)
    return "".join(code(piece) if at % 2 else words(piece) for at, piece in enumerate(pieces))


def cell(text: str, *, strong: tuple[str, ...] = ()) -> str:
    """A sentence for a cell of a Markdown table, with some of our own words in bold.

    A pipe ends a cell even within a code span, and how it is escaped differs: it is spelt out instead.
    """
    pieces = visible(text.replace("|", _PIPE), 2_000).split("`")
    if len(pieces) % 2 == 0:
        return code("`".join(pieces))
    return "".join(code(piece) if at % 2 else _emphasised(piece, strong) for at, piece in enumerate(pieces))


def cell_code(text: object) -> str:
    """A code span for a cell of a Markdown table."""
    return code(str(text).replace("|", _PIPE))


def _emphasised(piece: str, strong: tuple[str, ...]) -> str:
    shown = words(piece)
    for one in strong:
        shown = shown.replace(one, f"**{one}**")
    return shown


def words(text: str) -> str:
    """Plain words for Markdown. What could mention someone or link somewhere becomes code."""
    shown = visible(text, 2_000)
    parts: list[str] = []
    at = 0
    for odd in _ODD.finditer(shown):
        parts += [_plain(shown[at : odd.start()]), code(odd[0])]
        at = odd.end()
    return "".join([*parts, _plain(shown[at:])])


def _plain(text: str) -> str:
    escaped = "".join(_HTML.get(c, c) for c in text)
    return _MARKDOWN.sub(r"\\\1", escaped)
