"""The gate's verdict in the words of a comment: what may become of a plan, by which rules, and how it is approved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from leasehold.cli.reports import Json, moment
from leasehold.cli.risk_words import LIGHTS
from leasehold.cli.safe_text import cell_code, code, prose, words

AUTO, APPROVED, NEEDS_APPROVAL, DENY = "auto", "approved", "needs_approval", "deny"
SIGNS = {AUTO: "✅", APPROVED: "✅", NEEDS_APPROVAL: "✋", DENY: "⛔"}
VERDICTS = {
    AUTO: "allowed automatically",
    APPROVED: "approved",
    NEEDS_APPROVAL: "needs approval",
    DENY: "denied",
}
_IN_A_CELL = {AUTO: "automatic", APPROVED: "approved", NEEDS_APPROVAL: "needs&nbsp;approval", DENY: "denied"}
_BY = {NEEDS_APPROVAL: "needs approval by", APPROVED: "approved, asked for by", DENY: "denied by"}
# said by a row of the table, or among the changed policies
_SAID_ELSEWHERE = frozenset(
    {"new_access", "foundation", "policy_widens", "facts_widen", "wildcard", "standing_production"}
)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}")
_SHOWN = 8
_RULES_IN_A_CELL = 4
BASE = "base"  # what a comparison is against
APPROVERS = "approver or security-admin"


def verdict_of(report: Json) -> str:
    """What the gate says of the whole plan, or that it is approved. Raises KeyError for a word that we do not know."""
    return _said(str(report["gate"]["verdict"]), report)


def _said(verdict: str, report: Json) -> str:
    """The verdict of a finding, or that somebody approved what needs it."""
    receipt = report.get("receipt")
    approved = verdict == NEEDS_APPROVAL and receipt is not None and receipt["granted"] is True
    return APPROVED if approved else verdict if VERDICTS[verdict] else ""


def gravest(findings: list[Json]) -> str:
    """The verdict over these findings alone."""
    return max((str(one["verdict"]) for one in findings), key=list(VERDICTS).index, default=AUTO)


def gate_cell(findings: list[Json], report: Json) -> str:
    """The verdict over one row, and the rules that made it."""
    rules = _deciding(findings)
    shown = [cell_code(rule) for rule in rules[:_RULES_IN_A_CELL]]
    more = ["…"] if len(rules) > _RULES_IN_A_CELL else []
    verdict = _said(gravest(findings), report)
    return "<br>".join([f"{SIGNS[verdict]}&nbsp;**{_IN_A_CELL[verdict]}**", *shown, *more])


def said_of(findings: list[Json], report: Json) -> str:
    """`needs approval (new_access, wildcard)`, in plain text."""
    said, rules = VERDICTS[_said(gravest(findings), report)], _deciding(findings)
    return f"{said} ({', '.join(rules)})" if rules else said


def _deciding(findings: list[Json]) -> list[str]:
    """The checks that made the gravest verdict."""
    verdict = gravest(findings)
    return list(dict.fromkeys(str(one["check"]) for one in findings if one["verdict"] == verdict))


def what_next(report: Json, risk: str, receipt: PurePath | None) -> Iterator[str]:
    """Right below the title, in one line: how risky it is, and what it takes to have it applied."""
    verdict = verdict_of(report)
    if report.get("against") == BASE:
        yield f"{_head(risk)}Compared with the base, and judged as a plan from there to here would be."
        yield ""
        return
    head = _head(risk)
    if verdict == DENY:
        yield f"{head}{_why_denied(report)}. Nobody can approve it: change the plan, or the rules."
        yield ""
    elif verdict == NEEDS_APPROVAL:
        runs = f"runs `leasehold approve {_file(receipt)} --out approved.json`. Then run this again."
        yield f"{head}To approve exactly this, an **{APPROVERS}** who did not ask for it {runs}"
        yield ""
    elif verdict == APPROVED:
        until = words(moment(report["receipt"]["expires_at"]))
        yield f"{head}{code(report['receipt']['approved_by'])} approved exactly this change, until {until}."
        yield ""
    elif risk:
        yield f"{head}The rules ask for no approval."
        yield ""
    if report.get("receipt_refused"):
        yield f"⚠️ The receipt that this run brought does not let it be applied: {prose(report['receipt_refused'])}"
        yield ""


def _head(risk: str) -> str:
    return f"{LIGHTS[risk]} **{risk.capitalize()} risk.** " if risk else ""


def _why_denied(report: Json) -> str:
    """The first finding that denies; one that the table tells, by its rule alone."""
    first = next(one for one in report["gate"]["findings"] if one["verdict"] == DENY)
    return _by_rule(first, report) if first["check"] not in _SAID_ELSEWHERE else f"Denied by {code(first['check'])}"


def receipt_lines(report: Json, receipt: PurePath | None) -> Iterator[str]:
    """Where the receipt is, what it is good for, and what holds the apply back without it."""
    signed = report.get("receipt")
    if verdict_of(report) == DENY or report.get("against") == BASE:
        return
    if signed is None:
        if verdict_of(report) == NEEDS_APPROVAL:
            yield from ("⚠️ The registry gave no receipt, so that there is nothing to approve.", "")
        return
    name, approved = _file(receipt), signed["granted"] is True
    none = "this run kept none: `leasehold review --receipt receipt.json` does"
    kept = f"this run wrote `{name}`" if receipt is not None else none
    applied = f"`LEASEHOLD_RECEIPT_FILE={name if approved else 'approved.json'} terraform apply`, or `cdktf deploy`"
    held = (
        "the registry refuses the apply, and any other change"
        if signed.get("required")
        else "no rule asks for it here: the pipeline alone holds the apply back (`--gate`)"
    )
    yield "<details><summary>How to apply this</summary>"
    yield ""
    yield f"- receipt: {kept}"
    yield f"- apply with: {applied}"
    yield f"- without it: {held}"
    if report["unproven"]:
        yield "- what is not known yet is not in it: that is reviewed by the next plan, when it is known"
    yield f"- good until {words(moment(signed['expires_at']))}, for the change {code(report['gate']['delta'])} alone"
    yield ""
    yield "</details>"
    yield ""


def _file(receipt: PurePath | None) -> str:
    """The name of a receipt's file as a shell takes it without quotes; else the usual one."""
    name = receipt.name if receipt is not None else ""
    return name if _PLAIN.fullmatch(name) else "receipt.json"


def rule_lines(report: Json) -> Iterator[str]:
    """What the rules found beyond the rows of the table, gravest first."""
    found = [one for one in report["gate"]["findings"] if one["check"] not in _SAID_ELSEWHERE]
    if found and found[0]["verdict"] == DENY and report.get("against") != BASE:
        del found[0]  # it stands right below the title
    if not found:
        return
    yield "**What the rules found:**"
    yield ""
    yield from (_rule_line(one, report) for one in found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"- and {len(found) - _SHOWN} more: `--json` holds them all"
    yield ""


def _rule_line(finding: Json, report: Json) -> str:
    said = _by_rule(finding, report)
    return f"- {SIGNS[_said(str(finding['verdict']), report)]} {said[0].lower()}{said[1:]}"


def _by_rule(finding: Json, report: Json) -> str:
    where = f" (declared by {code(finding['address'])})" if finding.get("address") else ""
    by = _BY[_said(str(finding["verdict"]), report)].capitalize()
    return f"{by} {code(finding['check'])}: {prose(finding['sentence'])}{where}"
