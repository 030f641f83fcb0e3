"""What scanners are told: one result per change or finding, each with a name that stays and a place in the code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leasehold.cli.gate_words import DENY, NEEDS_APPROVAL, VERDICTS, said_of
from leasehold.cli.proof_words import proof_lines
from leasehold.cli.reports import Json
from leasehold.cli.review_evidence import Line, evidence_of
from leasehold.cli.safe_text import visible

_LONGEST = 1_000
_OF_ROWS = frozenset({"new_access", "foundation"})  # they stand with the change itself
_RISK_OF = {DENY: "critical", NEEDS_APPROVAL: "high"}


@dataclass(frozen=True, slots=True)
class Result:
    """`fingerprint` covers neither counts nor times; `address` is where the resource is declared, if it is."""

    rule: str
    risk: str
    text: str
    fingerprint: str
    address: str | None


def results(report: Json, agents: Mapping[str, str]) -> list[Result]:
    """Of a drift report or a plan review; `agents` knows the address that declares an agent."""
    if "findings" in report:
        found = [_of_finding(one, agents) for one in report["findings"]]
    else:
        rows = [row for row in evidence_of(report).rows if row.change is not None]
        found = [_of_change(row, row.change, agents, report) for row in rows if row.change is not None]
        found += [_of_rule(one, agents) for one in report["gate"]["findings"] if one["check"] not in _OF_ROWS]
    return [*found, *_unproven(report)]


def _of_finding(one: Json, agents: Mapping[str, str]) -> Result:
    address = one.get("address") or agents.get(str(one.get("agent")))
    return Result(f"drift-{one['class']}", one["risk"], _text(one), str(one["fingerprint"]), address)


def _of_change(row: Line, one: Json, agents: Mapping[str, str], report: Json) -> Result:
    """A change, with the gate's verdict over it and what was proved of it; its name knows the change alone."""
    told = [_text(one), said_of(row.findings, report), *_proofs(row)]
    text = visible(" · ".join(told), _LONGEST)
    if "agent" in one:
        rule = "access-gained" if one["gains"] else "access-lost"
        name = _named(rule, one["agent"], one["gains"], one["losses"])
        return Result(rule, one["risk"], text, name, agents.get(one["agent"]))
    rule = f"{one['kind']}-changed"
    name = _named(rule, one["name"], one["sentence"])
    return Result(rule, one["risk"], text, name, one.get("address"))


def _of_rule(one: Json, agents: Mapping[str, str]) -> Result:
    rule, verdict = f"gate-{one['check']}", str(one["verdict"])
    text = visible(f"{VERDICTS[verdict]}: {one['sentence']}", _LONGEST)
    address = one.get("address") or agents.get(str(one.get("agent")))
    return Result(rule, _RISK_OF[verdict], text, _named(rule, one.get("agent"), one["sentence"]), address)


def _proofs(row: Line) -> list[str]:
    """Without the emphasis of a comment."""
    return [line.replace("**", "") for line in proof_lines(row.proofs)]


def _unproven(report: Json) -> Iterator[Result]:
    for one in report["unproven"]:
        attributes = ", ".join(visible(name, 100) for name in one["attributes"])
        text = f"not proven: {visible(one['address'])} has attributes that are not known yet ({attributes})"
        yield Result("unproven", "medium", text, _named("unproven", one["stack"], one["address"]), one["address"])


def _text(one: Json) -> str:
    return visible(f"{one['sentence']} ({', '.join(map(str, one['factors']))})", _LONGEST)


def _named(*parts: object) -> str:
    return "sha256:" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
