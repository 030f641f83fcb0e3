"""Live strings within a sentence: between backticks, and never able to get out."""

from __future__ import annotations

_LONGEST = 200


def quoted(value: str) -> str:
    """A live string between backticks: what could end the quotation or move the cursor is spelt out by code point."""
    shown = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return "`" + "".join(c if c.isprintable() and c != "`" else f"\\u{{{ord(c):x}}}" for c in shown) + "`"
