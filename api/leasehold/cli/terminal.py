"""Reports on a terminal. Every cell is plain text: no live string is read as markup or as terminal codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leasehold.cli.gate_words import APPROVED, BASE, VERDICTS, rule_lines, said_of, verdict_of
from leasehold.cli.proof_words import policy_lines, proof_lines
from leasehold.cli.reports import (
    Json,
    changes_of,
    deed_of,
    further_states,
    headline,
    moment,
    reach_of,
    stacks_of,
    tally,
    way_of,
)
from leasehold.cli.review_evidence import Line, evidence_of
from leasehold.cli.safe_text import visible

_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
_SENTENCE_LIMIT = 2_000
_BY_POLICIES = "agent `{}` can call more than before, because policies change"


def print_drift(report: Json, out: TextIO, *, notes: tuple[str, ...] = (), width: int | None = None) -> None:
    """The findings as a table, worst first, with who did it and the way back."""
    console = _console(out, width)
    findings = report["findings"]
    console.print(Text(f"{stacks_of(report)}: {headline(report)}", "bold"))
    if findings:
        table = _table("Risk", "Class", "Who can do what where", "Who, when")
        for finding in findings:
            table.add_row(_risk(finding), _states(finding), _what(finding), _who(finding))
        console.print(table)
    for line in (*_coverage(report), *notes):
        console.print(Text(line))


def print_review(report: Json, out: TextIO, *, notes: tuple[str, ...] = (), width: int | None = None) -> None:
    """The verdict, what a plan changes in access with the proofs, and what the rules found."""
    console = _console(out, width)
    evidence, verdict = evidence_of(report), VERDICTS[verdict_of(report)]
    if verdict_of(report) == APPROVED:
        verdict = f"{verdict} by {visible(report['receipt']['approved_by'])}"
    counted = tally([one["risk"] for one in changes_of(report)]) or "no change by grants"
    compared = ", compared with the base" if report.get("against") == BASE else ""
    console.print(Text(f"{stacks_of(report) or 'policies'}{compared}: {verdict}; {counted}", "bold"))
    if evidence.rows:
        table = _table("Gate", "Risk", "What the apply changes", "Because")
        for row in evidence.rows:
            table.add_row(Text(said_of(row.findings, report)), _row_risk(row), _row_text(row), _row_factors(row))
        console.print(table)
    for line in filter(None, (*policy_lines(evidence.policies), *rule_lines(report))):
        console.print(Text(_without_emphasis(line)))
    for reversal in report["reversals"]:
        console.print(Text("reverts ", "yellow") + Text(visible(reversal["name"])) + Text(f", {_by(reversal)}"))
    if report.get("receipt_refused"):
        console.print(Text(f"the receipt does not cover it: {visible(report['receipt_refused'], _SENTENCE_LIMIT)}"))
    for line in (*_unproven(report), *_snapshot(report), *notes):
        console.print(Text(line))


def _row_risk(row: Line) -> Text:
    return _risk(row.change) if row.change is not None else Text("policy")


def _row_text(row: Line) -> Text:
    """The sentence, and beneath it what was proved."""
    said = visible(row.change["sentence"] if row.change else _BY_POLICIES.format(row.agent), _SENTENCE_LIMIT)
    return Text("\n".join([said, *map(_without_emphasis, proof_lines(row.proofs))]))


def _row_factors(row: Line) -> Text:
    return Text(_factors(row.change) if row.change is not None else "policies change")


def _without_emphasis(line: str) -> str:
    return visible(line.replace("**", ""), _SENTENCE_LIMIT)


def _console(out: TextIO, width: int | None) -> Console:
    return Console(file=out, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in {"Risk", "Class"})
    return table


def _risk(one: Json) -> Text:
    return Text(visible(one["risk"], 10), _STYLES.get(one["risk"], ""))


def _states(finding: Json) -> Text:
    states = [visible(finding["class"], 12), *(f"+ {visible(state, 12)}" for state in further_states(finding))]
    return Text("\n".join(states))


def _what(finding: Json) -> Text:
    lines = [visible(finding["sentence"], _SENTENCE_LIMIT)]
    lines.append(_factors(finding) + (f"; {_where(finding)}" if _where(finding) else ""))
    lines.append(visible(reach_of(finding), _SENTENCE_LIMIT))
    lines += _acceptance(finding)
    if finding.get("expires_at"):
        lines.append(f"until {moment(visible(finding['expires_at']))}")
    lines.append(f"revert: {visible(finding['fix']['revert'], _SENTENCE_LIMIT)}")
    return Text("\n".join(line for line in lines if line))


def _acceptance(finding: Json) -> Iterator[str]:
    for name, words in (("accepted", "accepted until"), ("lapsed", "was accepted until")):
        one = finding.get(name)
        if one:
            by = f"by {visible(one['by'])}, exception {visible(one['exception'])}: {visible(one['reason'])}"
            yield f"{words} {moment(visible(one['until']))} {by}"


def _factors(one: Json) -> str:
    return ", ".join(map(visible, one["factors"]))


def _where(finding: Json) -> str:
    address, stack = finding.get("address"), finding.get("stack")
    return f"{visible(address)} in {visible(stack)}" if address else ""


def _who(finding: Json) -> Text:
    cause, unknown = finding.get("cause"), finding.get("unknown_cause")
    if cause is None:
        return Text(f"unknown: {visible(unknown, _SENTENCE_LIMIT)}" if unknown else "")
    deed = visible(deed_of(cause)).removesuffix(" it")
    lines = [visible(cause["actor"]), f"{deed} {moment(visible(cause['at']))}"]
    return Text("\n".join([*lines, *map(visible, way_of(cause))]))


def _by(reversal: Json) -> str:
    cause = reversal.get("cause")
    return f"made by {visible(cause['actor'])} {moment(visible(cause['at']))}" if cause else "made by hand"


def _coverage(report: Json) -> Iterator[str]:
    summary = report["summary"]
    yield f"{summary['equivalent']} declared objects live as declared, coverage {summary['coverage_pct']} %"
    for heading, name in (("not judged", "gaps"), ("out of sight", "out_of_sight")):
        for gap in report.get("coverage", {}).get(name, ()):
            yield f"{heading}: {int(gap['count'])} {visible(gap['what'])} ({visible(gap['why'])})"
    yield from _unproven(report)
    yield from _snapshot(report)


def _unproven(report: Json) -> Iterator[str]:
    for one in report["unproven"]:
        why = visible(one["reason"]) if one.get("reason") else f"{', '.join(map(visible, one['attributes']))} not known"
        yield f"unproven: {visible(one['address'])} ({why})"


def _snapshot(report: Json) -> Iterator[str]:
    snapshot = report["snapshot"]
    whole = "" if snapshot["complete"] else ", incomplete"
    yield f"registry revision {snapshot['revision']}, {moment(visible(snapshot['at']))}{whole}"
