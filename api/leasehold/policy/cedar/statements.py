"""A policy document, statement by statement, each with its place: cedarpy says what is wrong, but never where."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import cedarpy
from cedarpy import pst

from leasehold.model.entities import RELATION
from leasehold.policy.statements import Statement as Tokens
from leasehold.policy.statements import place, statements, too_deep

MAX_DOCUMENT = 65_536
MAX_STATEMENT = 10_240
MAX_STATEMENTS = 256
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
_PARSED = re.compile(r"(?:Policy )?parse error: ", re.ASCII)
_DIGEST = 8


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document, where it can be seen. `suggestion` is a name that looks alike."""

    document: str
    line: int
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f"; did you mean `{self.suggestion}`?" if self.suggestion else ""
        return f"{self.document}:{self.line}: {self.message}{hint}"


class DocumentRefused(Exception):
    """The document cannot be published; all that is wrong with it, not only the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@dataclass(frozen=True, slots=True)
class Statement:
    """One policy of a document: `id` is `<document>/<@id>`, `line` its first line there."""

    id: str
    document: str
    line: int
    text: str
    template: pst.Template

    @property
    def annotations(self) -> Mapping[str, str]:
        """All annotations, the `@id` included."""
        return self.template.annotations

    @property
    def permits(self) -> bool:
        """True for a permit, False for a forbid."""
        return self.template.effect == "permit"


def statements_of(name: str, document: str) -> tuple[Statement, ...]:
    """The statements of a document, in order. Raises `DocumentRefused`."""
    found, problems = read(name, document)
    if problems:
        raise DocumentRefused(problems)
    return found


@lru_cache(maxsize=64)  # a publication reads each document several times, and most of them are in the next one too
def read(name: str, document: str) -> tuple[tuple[Statement, ...], tuple[Problem, ...]]:
    """The statements that can be read, in order, and what is wrong with the document."""
    if len(document.encode(errors="surrogatepass")) > MAX_DOCUMENT:
        return (), (Problem(name, 1, f"a document has at most {MAX_DOCUMENT} bytes"),)
    pieces = tuple(statements(document))
    if not 0 < len(pieces) <= MAX_STATEMENTS:
        return (), (Problem(name, 1, f"a document holds at least one policy, and at most {MAX_STATEMENTS}"),)
    parsed = [_statement(name, document, piece) for piece in pieces]
    found = tuple(one for one in parsed if isinstance(one, Statement))
    problems = [one for one in parsed if isinstance(one, Problem)]
    problems += [*_repeated(found), *(problem for one in found for problem in _unsound(one))]
    return found, tuple(problems)


def formatted(document: str, width: int = 100) -> str:
    """The document as Cedar's formatter writes it. Raises `DocumentRefused` for one that cannot be parsed."""
    parsed = [_statement("document", document, piece) for piece in statements(document)]
    problems = tuple(one for one in parsed if isinstance(one, Problem))
    if problems:
        raise DocumentRefused(problems)
    return str(cedarpy.format_policies(document, width, 2))


def _statement(name: str, document: str, piece: Tokens) -> Statement | Problem:
    line, text = place(document, piece.start)[0], piece.text(document)
    if (token := too_deep(piece)) is not None:
        return Problem(name, place(document, token.start)[0], "a policy nests, or goes on, too long: split it")
    if len(text.encode(errors="surrogatepass")) > MAX_STATEMENT:
        return Problem(name, line, f"a policy has at most {MAX_STATEMENT} bytes")
    try:
        parsed = cedarpy.policies_to_pst(text)
    except ValueError as error:
        return Problem(name, line, _said(error))
    if len(parsed.static_policies) != 1:
        return Problem(name, line, "a policy has no `?principal` and no `?resource`: grants are rows, not templates")
    template = next(iter(parsed.static_policies.values()))
    given = template.annotations.get("id")
    if given is not None and not _ID.fullmatch(given):
        return Problem(name, line, "an `@id` is 1-63 letters, digits, `_`, `.` and `-`")
    return Statement(f"{name}/{given or _derived_id(text)}", name, line, text, template)


def _derived_id(text: str) -> str:
    """What the policy says, not where it stands: another policy above it changes nothing."""
    return hashlib.sha256(cedarpy.format_policies(text, 100, 2).encode()).hexdigest()[:_DIGEST]


def _repeated(found: tuple[Statement, ...]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for one in found:
        if one.id in seen:
            yield Problem(one.document, one.line, f"`{one.id}` is on line {seen[one.id]} already: ids are unique")
        seen.setdefault(one.id, one.line)


def _unsound(statement: Statement) -> Iterator[Problem]:
    template, place = statement.template, (statement.document, statement.line)
    if statement.permits and isinstance(template.action, pst.ScopeAny):
        yield Problem(*place, "a permit names its actions: `action == …` or `action in …`")
    scopes = (template.principal, template.resource)
    if any(isinstance(one, pst.ScopeEq | pst.ScopeIn | pst.ScopeIsIn) and _names_relation(one) for one in scopes):
        yield Problem(*place, "a relation belongs into a condition: `when { principal in resource.owner }`")


def _names_relation(scope: pst.ScopeEq | pst.ScopeIn | pst.ScopeIsIn) -> bool:
    return isinstance(scope.entity, pst.EntityUid) and str(scope.entity.type) == RELATION


def _said(error: Exception) -> str:
    """What Cedar says in one line. Its longer words can hold whole documents."""
    first = "not Unicode" if isinstance(error, UnicodeError) else str(error).partition("\n")[0]
    return _PARSED.sub("", first)[:200]
