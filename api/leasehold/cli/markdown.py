"""The drift report as a comment: what lives otherwise than declared, who made it so, and the ways back."""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.cli.circumstances import circumstances, foot, marker, unproven_lines
from leasehold.cli.folding import COMMENT_LIMIT, Sheet, laid_out
from leasehold.cli.reports import Json, moment, tally
from leasehold.cli.risk_words import CLASSES, LIGHTS, reasons, risk_cell, worst
from leasehold.cli.safe_text import cell, cell_code, code, fenced, prose, words

_FIX_LIMIT = 4_000
_TITLE = 160  # characters of a sentence that a title takes
_STRONG = ("can now", "can no longer")
_WHAT_THIS_IS = (
    "Leasehold compares what the code declares for AI agents with what they can really do: access, not attributes."
)


def drift_markdown(report: Json, *, notes: tuple[str, ...] = (), limit: int = COMMENT_LIMIT) -> str:
    """The drift report as one comment."""
    findings = report["findings"]
    head = [marker("drift", report), f"### {_title(report, notes)}", "", *circumstances(report, notes)]
    return laid_out(
        Sheet(
            head=head,
            columns=("Risk", "What is different", "Who, when", "Why it counts"),
            rows=[*map(_row, findings)],
            noun="findings",
            after=[*unproven_lines(report)],
            fold="Ways back: revert, or keep and declare it",
            blocks=[*map(_ways_back, findings)],
            foot=foot(report, _WHAT_THIS_IS),
        ),
        limit,
    )


def drift_headline(report: Json, notes: tuple[str, ...] = ()) -> str:
    """The verdict in one line of plain text, without a live string."""
    counted = tally([one["risk"] for one in report["findings"]])
    doubt = "" if report["snapshot"]["complete"] and not notes else ", not everything could be compared"
    if unproven := len(report["unproven"]):
        doubt = f", {unproven} not known yet"
    return f"live access is not as declared: {counted}{doubt}" if counted else f"live access is as declared{doubt}"


def _title(report: Json, notes: tuple[str, ...]) -> str:
    findings, stacks = report["findings"], [code(one) for one in report["stacks"]]
    said = drift_headline(report, notes)
    light = LIGHTS[worst(findings)] if findings else "✅" if said.endswith("as declared") else "⚠️"
    where = f"Live access in {', '.join(stacks[:5])}" if stacks else "Live access"
    if len(findings) == 1 and len(findings[0]["sentence"]) <= _TITLE:
        return f"{light} {where} is not as declared: {prose(findings[0]['sentence'])}"
    return f"{light} {where}{said.removeprefix('live access')}"


def _row(finding: Json) -> str:
    class_ = CLASSES.get(finding["class"], words(finding["class"]))
    what = f"{class_}: {cell(finding['sentence'], strong=_STRONG)}{_expiry(finding)}"
    return f"| {risk_cell(finding)} | {what} | {_cause(finding.get('cause'))} | {reasons(finding)} |"


def _expiry(finding: Json) -> str:
    return f", until {words(moment(finding['expires_at']))}" if finding.get("expires_at") else ""


def _cause(cause: Json | None) -> str:
    if not cause:
        return "not known"
    return f"{cell_code(cause['actor'])} {words(cause['operation'])}d it {words(moment(cause['at']))}"


def _ways_back(finding: Json) -> str:
    lines = [f"- **{words(finding['risk'])}**, {prose(finding['sentence'])}"]
    if finding.get("address"):
        lines.append(f"  - declared as {code(finding['address'])} in stack {code(finding['stack'])}")
    lines.append(f"  - revert: {code(finding['fix']['revert'])}")
    return "\n".join([*lines, *_adoption(finding["fix"]), ""])


def _adoption(fix: Json) -> Iterator[str]:
    hcl = "\n".join(part for part in (fix.get("adopt_hcl"), fix.get("import")) if part)
    if not hcl:
        return
    if len(hcl.encode()) > _FIX_LIMIT:
        yield "  - keep: the code is too long for here, `--json` holds it"
        return
    yield "  - keep:"
    yield ""
    yield from (f"    {line}" if line else "" for line in fenced(hcl, "hcl").split("\n"))
