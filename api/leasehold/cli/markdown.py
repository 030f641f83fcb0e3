"""The drift report as a comment: what lives otherwise than declared, who made it so, and the ways back."""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.cli.circumstances import circumstances, coverage_lines, foot, marker, unproven_lines
from leasehold.cli.folding import COMMENT_LIMIT, Sheet, laid_out
from leasehold.cli.reports import (
    Json,
    accepted_findings,
    deed_of,
    further_states,
    is_partial,
    moment,
    open_findings,
    reach_of,
    tally,
    way_of,
)
from leasehold.cli.risk_words import CLASSES, LIGHTS, reasons, risk_cell, worst
from leasehold.cli.safe_text import cell, cell_code, code, fenced, prose, words

_FIX_LIMIT = 4_000
_FOLD = "Ways back: revert, keep, or accept"
_TITLE = 160  # characters of a sentence that a title takes
_STACKS = 5
_STRONG = ("can now", "can no longer")
_WHAT_THIS_IS = (
    "Leasehold compares what the code declares for AI agents with what they can really do: access, not attributes."
)


def drift_markdown(report: Json, *, notes: tuple[str, ...] = (), limit: int = COMMENT_LIMIT) -> str:
    """The drift report as one comment."""
    findings = report["findings"]
    head = [marker("drift", report), f"### {_title(report, notes)}", "", *circumstances(report, notes)]
    head += _what_next(open_findings(report))
    return laid_out(
        Sheet(
            head=head,
            columns=("Risk", "What is different", "Who, when", "Why it counts"),
            rows=[*map(_row, findings)],
            noun="findings",
            after=[*unproven_lines(report), *coverage_lines(report)],
            fold=_FOLD,
            blocks=[*map(_ways_back, findings)],
            foot=foot(report, _WHAT_THIS_IS),
        ),
        limit,
    )


def drift_headline(report: Json, notes: tuple[str, ...] = ()) -> str:
    """The verdict in one line of plain text, without a live string."""
    found = open_findings(report)
    counted = tally([one["risk"] for one in found])
    said = f"live access is not as declared: {counted}" if found else "live access is as declared"
    return f"{said}{_accepted(report)}{_doubt(report, notes)}"


def _title(report: Json, notes: tuple[str, ...]) -> str:
    found, doubt = open_findings(report), _doubt(report, notes)
    stacks = ", ".join(code(one) for one in report["stacks"][:_STACKS])
    where = f"Live access in {stacks}" if stacks else "Live access"
    light = LIGHTS[worst(found)] if found else "⚠️" if doubt else "✅"
    if len(found) == 1 and len(found[0]["sentence"]) <= _TITLE:
        return f"{light} {where} is not as declared: {prose(found[0]['sentence'])}{_accepted(report)}{doubt}"
    return f"{light} {where}{drift_headline(report, notes).removeprefix('live access')}"


def _what_next(found: list[Json]) -> Iterator[str]:
    """Right below the title: what takes it back. A command is named if it is the same for all."""
    if not found:
        return
    reverts = {str(one["fix"]["revert"]) for one in found}
    back = f"{code(reverts.pop())} takes it back" if len(reverts) == 1 else "Each has its way back"
    yield f"{back}. To keep it, or to accept it for some days, see “Ways back” below."
    yield ""


def _accepted(report: Json) -> str:
    accepted = len(accepted_findings(report))
    return f", {accepted} accepted for now" if accepted else ""


def _doubt(report: Json, notes: tuple[str, ...]) -> str:
    if unproven := len(report["unproven"]):
        return f", {unproven} {'object is' if unproven == 1 else 'objects are'} not known yet"
    return ", not everything could be compared" if is_partial(report, notes) else ""


def _row(finding: Json) -> str:
    states = [CLASSES.get(state, words(state)) for state in (finding["class"], *further_states(finding))]
    what = f"{', '.join(states)}: {cell(finding['sentence'], strong=_STRONG)}{_expiry(finding)}"
    reach = reach_of(finding)
    why = f"{reasons(finding)}<br>{cell(reach)}" if reach else reasons(finding)
    return f"| {_risk(finding)} | {what} | {_cause(finding)} | {why} |"


def _risk(finding: Json) -> str:
    one = finding.get("accepted")
    return f"☑️&nbsp;accepted until {words(moment(one['until']))}" if one else risk_cell(finding)


def _expiry(finding: Json) -> str:
    return f", until {words(moment(finding['expires_at']))}" if finding.get("expires_at") else ""


def _cause(finding: Json) -> str:
    cause, unknown = finding.get("cause"), finding.get("unknown_cause")
    if not cause:
        return f"unknown: {cell(unknown)}" if unknown else "not known"
    return f"{cell_code(cause['actor'])} {words(deed_of(cause))} {words(moment(cause['at']))}"


def _ways_back(finding: Json) -> str:
    lines = [f"- **{words(finding['risk'])}**, {prose(finding['sentence'])}", *_acceptance(finding)]
    if way := way_of(finding.get("cause")):
        lines.append(f"  - how: {', '.join(map(code, way))}")
    if finding.get("address"):
        lines.append(f"  - declared as {code(finding['address'])} in stack {code(finding['stack'])}")
    fix = finding["fix"]
    lines.append(f"  - revert: {code(fix['revert'])}")
    return "\n".join([*lines, *_adoption(fix), *_exception(fix), ""])


def _acceptance(finding: Json) -> Iterator[str]:
    for name, said in (("accepted", "accepted until"), ("lapsed", "no longer accepted since")):
        if one := finding.get(name):
            by = f"by {code(one['by'])}, exception {code(one['exception'])}: {code(one['reason'])}"
            yield f"  - {said} {words(moment(one['until']))} {by}"


def _adoption(fix: Json) -> Iterator[str]:
    hcl = "\n".join(part for part in (fix.get("adopt_hcl"), fix.get("import")) if part)
    python = str(fix.get("adopt_cdktf") or "")
    if not hcl:
        return
    if len(hcl.encode()) + len(python.encode()) > _FIX_LIMIT:
        yield "  - keep: the code is too long for here, `--json` holds it"
        return
    yield "  - keep:"
    yield from _block(hcl, "hcl")
    if python:
        yield from _block(python, "python")


def _exception(fix: Json) -> Iterator[str]:
    if fix.get("exception"):
        yield f"  - accept it, for at most {int(fix['except_days_max'])} days:"
        yield from _block(fix["exception"], "hcl")


def _block(text: str, language: str) -> Iterator[str]:
    yield ""
    yield from (f"    {line}" if line else "" for line in fenced(text, language).split("\n"))
    yield ""
