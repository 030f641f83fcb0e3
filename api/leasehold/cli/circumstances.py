"""What stands around every report: the marker that finds the comment again, what is not known, what was compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leasehold.cli.reports import Json, moment, stacks_of
from leasehold.cli.safe_text import code, prose, words

_UNPROVEN_SHOWN = 10
_NOTES_SHOWN = 10
_ATTRIBUTES_SHOWN = 5


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
    yield from (f"- {code(one['address'])}: {_why(one)}" for one in found[:_UNPROVEN_SHOWN])
    if len(found) > _UNPROVEN_SHOWN:
        yield f"- and {len(found) - _UNPROVEN_SHOWN} more"
    yield ""


def coverage_lines(report: Json) -> Iterator[str]:
    """What nobody looked at, so that what is not listed is not taken for clean."""
    coverage = report.get("coverage", {})
    headed = (("not judged", "gaps"), ("out of sight", "out_of_sight"))
    lines = [
        f"- {heading}: {int(gap['count'])} {words(gap['what'])} ({words(gap['why'])})"
        for heading, name in headed
        for gap in coverage.get(name, ())
    ]
    if lines:
        yield from ("<details><summary>What was not looked at</summary>", "", *lines, "", "</details>", "")


def foot(report: Json, what_this_is: str) -> list[str]:
    """One small line: what was compared with what, and what this comment is."""
    summary, snapshot = report["summary"], report["snapshot"]
    equal = f"{int(summary['equivalent'])} objects live as declared. " if "equivalent" in summary else ""
    seen = f"registry revision {int(snapshot['revision'])}, {words(moment(snapshot['at']))}"
    return [f"<sub>{equal}Compared {float(summary['coverage_pct']):g} % with {seen}. {what_this_is}</sub>"]


def _why(one: Json) -> str:
    if one.get("reason"):
        return prose(one["reason"])
    named = [code(name) for name in one["attributes"]]
    more = f" and {len(named) - _ATTRIBUTES_SHOWN} more" if len(named) > _ATTRIBUTES_SHOWN else ""
    return f"{', '.join(named[:_ATTRIBUTES_SHOWN])}{more} not known yet"
