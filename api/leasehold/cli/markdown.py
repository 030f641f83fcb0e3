"""Reports as Markdown for a pull request: a marker to find the comment again, and never more than a comment holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leasehold.cli.reports import Json, changes_of, further_states, headline, moment, reach_of, stacks_of, tally, way_of
from leasehold.cli.safe_text import code, fenced, prose, words

LIMIT = 60_000  # bytes; GitHub cuts a comment at 65,536 characters
_FIX_LIMIT = 4_000
_TAIL = 400  # bytes kept for saying what was left out


def drift_markdown(report: Json, *, notes: tuple[str, ...] = ()) -> str:
    """The drift report as one comment."""
    findings = report["findings"]
    head = [
        f"<!-- leasehold:drift stack={stacks_of(report)} -->",
        f"### Agent permissions: {headline(report)}",
        "",
        *_drift_table(report["summary"]),
        "",
        *_circumstances(report, notes),
        "",
    ]
    return _bounded(head, [_finding(one) for one in findings], "findings")


def review_markdown(report: Json, *, notes: tuple[str, ...] = ()) -> str:
    """The plan review as one comment."""
    changes = changes_of(report)
    counted = tally([one["risk"] for one in changes]) or "no change of access"
    reversals = report["reversals"]
    plural = "" if len(reversals) == 1 else "s"
    reverts = f"; the apply reverts {len(reversals)} out-of-band change{plural}" if reversals else ""
    head = [
        f"<!-- leasehold:review stack={stacks_of(report)} -->",
        f"### Agent permissions in this plan: {counted}{reverts}",
        "",
        *_circumstances(report, notes),
        "",
    ]
    return _bounded(head, [*map(_change, changes), *map(_reversal, reversals)], "changes")


def _bounded(head: list[str], blocks: list[str], noun: str) -> str:
    """As many blocks as fit, and the number of those that do not."""
    text = "\n".join(head)
    left = LIMIT - _TAIL - len(text.encode())
    for at, block in enumerate(blocks):
        left -= len(block.encode()) + 1
        if left < 0:
            missing = len(blocks) - at
            cut = f"**{missing} more {noun} are not shown here** ({at} of {len(blocks)} are, worst first)"
            return f"{text}\n{cut}: `--json` holds them all.\n"
        text += f"\n{block}"
    return f"{text}\n"


def _drift_table(summary: Json) -> Iterator[str]:
    usual = ("widened", "unmanaged", "narrowed", "missing", "orphan", "overstay", "changed", "conflict")
    rare = ("tool_surface", "external", "accepted")
    classes = (*usual, *(name for name in rare if summary.get(name)))
    yield "| " + " | ".join(classes) + " |"
    yield "|" + " --- |" * len(classes)
    yield "| " + " | ".join(str(int(summary[name])) for name in classes) + " |"


def _circumstances(report: Json, notes: Iterable[str]) -> Iterator[str]:
    summary, snapshot = report["summary"], report["snapshot"]
    equal = f"{summary['equivalent']} objects live as declared. " if "equivalent" in summary else ""
    whole = "" if snapshot["complete"] else ", incomplete"
    seen = f"registry revision {snapshot['revision']}{whole}, {words(moment(snapshot['at']))}"
    yield f"{equal}Coverage {summary['coverage_pct']} %, {seen}."
    coverage = report.get("coverage", {})
    for heading, name in (("not judged", "gaps"), ("out of sight", "out_of_sight")):
        for gap in coverage.get(name, ()):
            yield f"- {heading}: {int(gap['count'])} {words(gap['what'])}, {words(gap['why'])}"
    for one in report["unproven"][:20]:
        why = prose(one["reason"]) if one.get("reason") else f"not known yet: {', '.join(map(code, one['attributes']))}"
        yield f"- unproven: {code(one['address'])}, {why}"
    if len(report["unproven"]) > 20:  # noqa: PLR2004  said above
        yield f"- unproven: {len(report['unproven']) - 20} more"
    yield from (f"- {words(note)}" for note in notes)


def _finding(finding: Json) -> str:
    states = ", ".join(map(words, (finding["class"], *further_states(finding))))
    lines = [f"- **{words(finding['risk'].upper())} {states}**: {prose(finding['sentence'])}"]
    lines += _acceptance(finding)
    lines.append(f"  {words(', '.join(finding['factors']))}{_cause(finding.get('cause'))}{_expiry(finding)}")
    way, reach = way_of(finding.get("cause")), reach_of(finding)
    lines += [f"  {words(reach)}"] if reach else []
    lines += [f"  How: {', '.join(map(code, way))}"] if way else []
    if finding.get("address"):
        lines.append(f"  declared as {code(finding['address'])} in stack {code(finding['stack'])}")
    lines.append(f"  Revert: {code(finding['fix']['revert'])}")
    fix = finding["fix"]
    return "\n".join([*(f"{line}  " for line in lines[:-1]), lines[-1], *_adoption(fix), *_exception(fix)])


def _acceptance(finding: Json) -> Iterator[str]:
    for name, said in (("accepted", "**Accepted until"), ("lapsed", "**No longer accepted since")):
        one = finding.get(name)
        if one:
            until = f"{said} {words(moment(one['until']))}** by {code(one['by'])}, exception {code(one['exception'])}"
            yield f"  {until}: {code(one['reason'])}"


def _adoption(fix: Json) -> Iterator[str]:
    hcl = "\n".join(part for part in (fix.get("adopt_hcl"), fix.get("import")) if part)
    python = fix.get("adopt_cdktf") or ""
    if not hcl:
        return
    if len(hcl.encode()) + len(python.encode()) > _FIX_LIMIT:
        yield ""
        yield "  The code to adopt it is too long for here: `--json` holds it."
        return
    yield from _folded("Keep it: adopt", [(hcl, "hcl"), *([(python, "python")] if python else [])])


def _exception(fix: Json) -> Iterator[str]:
    if fix.get("exception"):
        summary = f"Accept it, for at most {int(fix['except_days_max'])} days"
        yield from _folded(summary, [(fix["exception"], "hcl")])


def _folded(summary: str, blocks: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield ""
    yield f"  <details><summary>{summary}</summary>"
    for text, language in blocks:
        yield ""
        yield from (f"  {line}" if line else "" for line in fenced(text, language).split("\n"))
    yield ""
    yield "  </details>"


def _cause(cause: Json | None) -> str:
    return f"; {code(cause['actor'])} {words(cause['operation'])}d it {words(moment(cause['at']))}" if cause else ""


def _expiry(finding: Json) -> str:
    return f"; until {words(moment(finding['expires_at']))}" if finding.get("expires_at") else ""


def _change(change: Json) -> str:
    return f"- **{words(change['risk'].upper())}**: {prose(change['sentence'])} ({words(', '.join(change['factors']))})"


def _reversal(reversal: Json) -> str:
    return f"- **REVERTS** {code(reversal['name'])}{_cause(reversal.get('cause'))}"
