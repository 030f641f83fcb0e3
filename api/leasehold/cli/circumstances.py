"""What stands around every report: the marker that finds the comment again, what is not known, what was compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leasehold.cli.reports import Json, moment, stacks_of
from leasehold.cli.safe_text import code, words

_UNPROVEN_SHOWN = 10
_NOTES_SHOWN = 10


def marker(kind: str, report: Json) -> str:
    """The first line of a comment, which no reader sees: names of stacks alone, so that nothing breaks out."""
    return f"<!-- leasehold:{kind} stack={stacks_of(report)} -->"


def circumstances(report: Json, notes: Iterable[str]) -> Iterator[str]:
    """Why the comparison is not whole, before anything is said that a reader could take for whole."""
    told = [*notes, *([] if report["snapshot"]["complete"] else ["the registry changed while it was read"])]
    if not told:
        return
    yield from (f"> ⚠️ **Incomplete:** {words(note)}" for note in told[:_NOTES_SHOWN])
    yield ""


def unproven_lines(report: Json) -> Iterator[str]:
    """What is declared and could not be compared: never to be read as `no change`."""
    found = report["unproven"]
    if not found:
        return
    objects = "1 declared object is" if len(found) == 1 else f"{len(found)} declared objects are"
    yield f"⚠️ **{objects} not fully known before the apply.** Access may change in ways that are not listed here:"
    yield ""
    yield from (f"- {code(one['address'])}: {_attributes(one)} not known yet" for one in found[:_UNPROVEN_SHOWN])
    if len(found) > _UNPROVEN_SHOWN:
        yield f"- and {len(found) - _UNPROVEN_SHOWN} more"
    yield ""


def foot(report: Json, what_this_is: str) -> list[str]:
    """One small line: what was compared with what, and what this comment is."""
    summary, snapshot = report["summary"], report["snapshot"]
    equal = f"{int(summary['equivalent'])} objects live as declared. " if "equivalent" in summary else ""
    seen = f"registry revision {int(snapshot['revision'])}, {words(moment(snapshot['at']))}"
    return [f"<sub>{equal}Compared {float(summary['coverage_pct']):g} % with {seen}. {what_this_is}</sub>"]


def _attributes(one: Json) -> str:
    named = [code(name) for name in one["attributes"]]
    return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")  # noqa: PLR2004
