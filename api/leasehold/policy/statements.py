"""A Cedar document taken apart into its statements and tokens, each with its place.

The engine's parser tells no places and is written by recursion without a bound: nesting that a document of 64 KB can
hold overruns its stack and takes the process along. So bounds are checked here, before it sees anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NESTING_LIMIT = 48
OPERATORS_LIMIT = 400
_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n\r]*)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d+)"""
    r"""|(?P<mark>::|==|!=|<=|>=|&&|\|\||[^\s])""",
    re.ASCII | re.DOTALL,
)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_OPERATORS = frozenset({"&&", "||", "+", "-", "*", "!", ".", "[", "if", "==", "!=", "<", ">", "<=", ">="})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a document; `start` and `end` are offsets into it."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy, or what stands in the place of one."""

    tokens: Sequence[Token]

    @property
    def start(self) -> int:
        """Where it begins in the document."""
        return self.tokens[0].start

    def offset_of(self, piece: str) -> int:
        """Where a token that is, or holds, this piece begins; the statement's own start if none does."""
        exact = [one for one in self.tokens if one.text == piece]
        return next((one.start for one in exact or self.tokens if piece in one.text), self.start)

    def text(self, document: str, tokens: int | None = None) -> str:
        """The statement, or its first `tokens` tokens, as written."""
        shown = self.tokens[:tokens]
        return document[self.start : shown[-1].end] if shown else ""


def statements(document: str) -> Iterator[Statement]:
    """The statements of a document: each ends with its semicolon, the last one perhaps without."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(document):
        if match.lastgroup == "space":
            continue
        tokens.append(Token(match[0], match.start(), match.end()))
        if match[0] == ";":
            yield Statement(tokens)
            tokens = []
    if tokens:
        yield Statement(tokens)


def place(document: str, offset: int) -> tuple[int, int]:
    """The line and the column of an offset, both from 1."""
    return document.count("\n", 0, offset) + 1, offset - document.rfind("\n", 0, offset)


def too_deep(statement: Statement) -> Token | None:
    """The token at which a statement nests, or chains, deeper than any parser should be asked to follow."""
    depth = operators = 0
    for token in statement.tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        operators += token.text in _OPERATORS
        if depth > NESTING_LIMIT or operators > OPERATORS_LIMIT:
            return token
    return None
