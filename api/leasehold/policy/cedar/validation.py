"""Is every policy one that can be evaluated on every question it speaks about? Cedar's strict validator, with places.

Cedar says which policy and what; the line, and the name that was meant, we find ourselves.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import cedarpy
from cedarpy import pst

from leasehold.policy.cedar.reading import argument_of, walk
from leasehold.policy.cedar.shapes import RecordShape, TextShape
from leasehold.policy.cedar.statements import Problem, Statement

_PREAMBLE = re.compile(r"(?:\[[^\]]*\] )?(?:for policy `[^`]*`, )?")
_QUOTED = re.compile(r"`([^`]+)`")
_CONSEQUENCE = "unable to find an applicable action"  # said after whatever was wrong with a scope
_SAME = 0.6
_ANYTHING = ""
_REMEMBERED = 32_768  # statements, 32 bytes each
_fine: set[bytes] = set()
_EVERY_TEXT = frozenset({_ANYTHING})
Listed = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class WrittenSchema:
    """A schema, parsed, with a digest of its text."""

    schema: cedarpy.Schema
    digest: bytes


def written_schema(text: str) -> WrittenSchema:
    """A schema as Cedar writes it, parsed."""
    return WrittenSchema(cedarpy.Schema.from_str(text), hashlib.sha256(text.encode()).digest())


def fine_under(under: WrittenSchema, texts: Iterable[str]) -> frozenset[str]:
    """Those of the statements that Cedar has nothing to say about; others may be fine too, if some are not.

    It looks at them all in one go, and never again at what was fine under the very same schema: most of what gets
    published was there before.
    """
    keys = {text: hashlib.sha256(under.digest + text.encode()).digest() for text in texts}
    unknown = [text for text, key in keys.items() if key not in _fine]
    if unknown and not cedarpy.validate_policies("\n".join(unknown), under.schema).errors:
        if len(_fine) + len(unknown) > _REMEMBERED:
            _fine.clear()
        _fine.update(keys[text] for text in unknown)
        return frozenset(keys)
    return frozenset(keys) - frozenset(unknown)


def problems_of(statement: Statement, schema: cedarpy.Schema, names: frozenset[str]) -> list[Problem]:
    """What is wrong with one statement under its schema."""
    errors = cedarpy.validate_policies(statement.text, schema).errors
    said = {_PREAMBLE.sub("", error.error, count=1) for error in errors}
    said = {one for one in said if not one.startswith(_CONSEQUENCE)} or said
    found = {_placed(statement, one, names) for one in said}
    return sorted(found, key=lambda problem: (problem.line, problem.message))


def listed_choices(arguments: Iterable[RecordShape]) -> Listed:
    """The texts that tools list for each argument."""
    listed: dict[str, set[str]] = {}
    for record in arguments:
        for name, field in record.fields:
            if isinstance(field.shape, TextShape):
                listed.setdefault(name, set()).update(field.shape.among or {_ANYTHING})
    return {name: frozenset(among) for name, among in listed.items()}


def unlisted_choices(statement: Statement, listed: Listed) -> Iterator[Problem]:
    """Comparisons of an argument with a text that no tool lists for it: true of no call."""
    for clause in statement.template.clauses:
        for part in walk(clause.expr):
            match part:
                case pst.BinaryOp("eq" | "not_eq", left, pst.StringLit(text)):
                    among = listed.get(argument_of(left) or "", _EVERY_TEXT)
                    if text not in among and _ANYTHING not in among:
                        yield problem_at(statement, f"no tool takes `{text}` here", text, among)


def problem_at(statement: Statement, message: str, name: str, names: frozenset[str]) -> Problem:
    """A problem with a name that stands in the statement."""
    return Problem(statement.document, line_of(statement, name), message, nearest(name, names))


def line_of(statement: Statement, needle: str) -> int:
    """The line on which the needle first stands, the statement's first if nowhere."""
    at = statement.text.find(needle) if needle else -1
    return statement.line + (statement.text.count("\n", 0, at) if at > 0 else 0)


def nearest(name: str, names: frozenset[str]) -> str:
    """A name that looks like this one, or nothing."""
    found = difflib.get_close_matches(name, sorted(names - {name}), n=1, cutoff=_SAME)
    return found[0] if found else ""


def _placed(statement: Statement, said: str, names: frozenset[str]) -> Problem:
    named = _QUOTED.search(said)
    whole = named[1] if named else ""
    last = _last_part(whole)
    problem = problem_at(statement, said[:300], last, names)
    return problem if "not found" in said or "unrecognized" in said else replace(problem, suggestion="")


def _last_part(name: str) -> str:
    """`amout` of `input.amout`, `github/x` of `Action::"github/x"`."""
    literal = re.search(r'"([^"]*)"', name)
    return literal[1] if literal else name.rpartition(".")[2].rpartition("::")[2]
