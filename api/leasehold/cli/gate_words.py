"""The gate's verdict in the words of a comment: what may become of a plan, by which rules, and how it is approved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePath

from leasehold.cli.reports import Json, moment
from leasehold.cli.risk_words import LIGHTS
from leasehold.cli.safe_text import cell_code, code, prose, words

AUTO, NEEDS_APPROVAL, DENY = "auto", "needs_approval", "deny"
SIGNS = {AUTO: "✅", NEEDS_APPROVAL: "✋", DENY: "⛔"}
VERDICTS = {AUTO: "allowed automatically", NEEDS_APPROVAL: "needs approval", DENY: "denied"}
_IN_A_CELL = {AUTO: "automatic", NEEDS_APPROVAL: "needs&nbsp;approval", DENY: "denied"}
# said by a row of the table, or among the changed policies
_SAID_ELSEWHERE = frozenset({"new_access", "foundation", "policy_widens", "wildcard", "standing_production"})
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}")
_SHOWN = 8
_RULES_IN_A_CELL = 4
BASE = "base"  # what a comparison is against
APPROVERS = "approver or security-admin"


def verdict_of(report: Json) -> str:
    """What the gate says of the whole plan. Raises KeyError for a word that we do not know."""
    verdict = str(report["gate"]["verdict"])
    return verdict if VERDICTS[verdict] else ""


def gravest(findings: list[Json]) -> str:
    """The verdict over these findings alone."""
    return max((str(one["verdict"]) for one in findings), key=list(VERDICTS).index, default=AUTO)


def gate_cell(findings: list[Json]) -> str:
    """The verdict over one row, and the rules that made it."""
    verdict = gravest(findings)
    rules = list(dict.fromkeys(str(one["check"]) for one in findings if one["verdict"] == verdict))
    shown = [cell_code(rule) for rule in rules[:_RULES_IN_A_CELL]]
    more = ["…"] if len(rules) > _RULES_IN_A_CELL else []
    return "<br>".join([f"{SIGNS[verdict]}&nbsp;**{_IN_A_CELL[verdict]}**", *shown, *more])


def said_of(findings: list[Json]) -> str:
    """`needs approval (new_access, wildcard)`, in plain text."""
    verdict = gravest(findings)
    rules = dict.fromkeys(str(one["check"]) for one in findings if one["verdict"] == verdict)
    return f"{VERDICTS[verdict]} ({', '.join(rules)})" if rules else VERDICTS[verdict]


def what_next(report: Json, risk: str, receipt: PurePath | None) -> Iterator[str]:
    """Right below the title, in one line: how risky it is, and what it takes to have it applied."""
    verdict = verdict_of(report)
    if report.get("against") == BASE:
        yield f"{_head(risk)}Compared with the base, and judged as a plan from there to here would be."
        yield ""
        return
    head = _head(risk)
    if verdict == DENY:
        yield f"{head}The rules deny this, and nobody can approve it: change the plan, or the rules."
        yield ""
    elif verdict == NEEDS_APPROVAL:
        command = f"`leasehold approve {_file(receipt)} --out approved.json`"
        yield f"{head}An **{APPROVERS}** who did not ask for this review approves exactly this change: {command}"
        yield ""
    elif risk:
        yield f"{head}The rules let this be applied without anybody's approval."
        yield ""


def _head(risk: str) -> str:
    return f"{LIGHTS[risk]} **{risk.capitalize()} risk.** " if risk else ""


def receipt_lines(report: Json, receipt: PurePath | None) -> Iterator[str]:
    """Where the receipt is, what it is good for, and what holds the apply back without it."""
    signed = report.get("receipt")
    if verdict_of(report) == DENY or report.get("against") == BASE:
        return
    if signed is None:
        if verdict_of(report) == NEEDS_APPROVAL:
            yield from ("⚠️ The registry gave no receipt, so that there is nothing to approve.", "")
        return
    name, approved = _file(receipt), verdict_of(report) == AUTO
    none = "this run kept none: `leasehold review --receipt receipt.json` does"
    kept = f"this run wrote `{name}`" if receipt is not None else none
    applied = f"`LEASEHOLD_RECEIPT_FILE={name if approved else 'approved.json'} terraform apply`, or `cdktf deploy`"
    held = (
        "the registry refuses the apply, and any other change"
        if signed.get("required")
        else "no rule asks for it here: the pipeline alone holds the apply back (`--gate`)"
    )
    yield "<details><summary>Receipt: how it is applied</summary>"
    yield ""
    yield f"- where: {kept}"
    yield f"- apply with: {applied}"
    yield f"- without it: {held}"
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
    if not found:
        return
    yield "**What the rules found:**"
    yield ""
    yield from map(_rule_line, found[:_SHOWN])
    if len(found) > _SHOWN:
        yield f"- and {len(found) - _SHOWN} more: `--json` holds them all"
    yield ""


def _rule_line(finding: Json) -> str:
    where = f" (declared by {code(finding['address'])})" if finding.get("address") else ""
    verdict = str(finding["verdict"])
    said = f"{words(VERDICTS[verdict])} by {code(finding['check'])}: {prose(finding['sentence'])}"
    return f"- {SIGNS[verdict]} {said}{where}"
