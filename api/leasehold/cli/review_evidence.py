"""A plan review, row by row: each change with what was proved of it, and what the rules say to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leasehold.cli.gate_words import VERDICTS, gravest
from leasehold.cli.proof_words import EQUIVALENT, NARROWS, UNPROVEN, WIDER, is_idle, is_wider, proofs_of
from leasehold.cli.reports import Json, rank

Proofs = dict[tuple[str, str], list[Json]]
_ORDER = ("both", "widens", UNPROVEN, NARROWS, EQUIVALENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One change. `change` is None for an agent that changed policies alone give more: then `proofs` say all.

    `facts`: not policies changed, but what they read.
    """

    change: Json | None
    agent: str | None
    risk: str
    proofs: Proofs
    findings: list[Json]
    facts: bool = False

    @property
    def verb(self) -> str:
        """`can now` if a call shows the gain, `is granted` if it is proved to be in vain, or `might now`."""
        return _verb(list(self.proofs.values()))

    @property
    def told(self) -> int:
        """How many tools, or proofs of them, there are to tell of."""
        return sum(max(1, len(several)) for several in self.proofs.values())

    @property
    def is_less(self) -> bool:
        """True if all that is proved is that less can be called."""
        return all(one["movement"] == NARROWS for several in self.proofs.values() for one in several)

    def by_verb(self) -> Iterator[tuple[str, list[Json]]]:
        """The gains of this row, those that calls show first."""
        gains = self.change["gains"] if self.change is not None else ()
        for verb in ("can now", "might now", "is granted"):
            some = [one for one in gains if _verb([self.proofs[one["tool_server"], one["tool"]]]) == verb]
            if some:
                yield verb, some


@dataclass(frozen=True, slots=True)
class Evidence:
    """All rows, those first that the rules hold back, then by risk; and proofs about changed policies, of no agent."""

    rows: list[Line]
    policies: list[Json]

    @property
    def by_policies(self) -> list[Line]:
        """Agents that changed policies alone give more."""
        return [one for one in self.rows if one.change is None and not one.facts]

    @property
    def by_facts(self) -> list[Line]:
        """Agents that can call more or less because what policies read changes."""
        return [one for one in self.rows if one.facts]

    @property
    def by_grants(self) -> list[Line]:
        """Agents that gain or lose by grants and the ceilings above them."""
        return [one for one in self.rows if one.change is not None and one.agent is not None]


def moved(review: Json) -> list[Json]:
    """Everything that moves, each with a `risk`: what policies alone let more is high, whoever it concerns."""
    evidence = evidence_of(review)
    rows = [{"risk": one.risk or ("low" if one.is_less else "high")} for one in evidence.rows]
    policies = [one["movement"] for one in evidence.policies if one["movement"] != EQUIVALENT]
    return [*rows, *({"risk": "low" if one == NARROWS else "high"} for one in policies)]


def _verb(several: list[list[Json]]) -> str:
    if any(map(is_wider, several)):
        return "can now"
    return "is granted" if several and all(map(is_idle, several)) else "might now"


def evidence_of(review: Json) -> Evidence:
    """Rows of a plan review. Raises KeyError and the like for what is none."""
    proofs, findings = _by_agent(review["proofs"]), _by_agent(review["gate"]["findings"])
    rows = [_access(one, proofs.get(one["agent"], []), findings.get(one["agent"], [])) for one in review["access"]]
    by_sentence = {one["sentence"]: one for one in findings.get("", []) if one["check"] == "foundation"}
    rows += [_foundation(one, by_sentence) for one in review["foundations"]]
    known = {one["agent"]: {(gain["tool_server"], gain["tool"]) for gain in one["gains"]} for one in review["access"]}
    for agent in sorted(proofs.keys() - {""}):
        by_policies = [one for one in proofs[agent] if not one.get("facts")]
        rows += _by_policies(agent, by_policies, known.get(agent, set()), findings.get(agent, []))
        rows += _by_facts(agent, proofs[agent], findings.get(agent, []))
    ordered = sorted(rows, key=lambda row: (-list(VERDICTS).index(gravest(row.findings)), -rank(row.risk)))
    return Evidence(ordered, sorted(proofs.get("", []), key=lambda one: _ORDER.index(one["movement"])))


def _access(change: Json, proofs: list[Json], findings: list[Json]) -> Line:
    found = proofs_of(change["gains"], [one for one in proofs if not one.get("facts")])
    return Line(change=change, agent=change["agent"], risk=change["risk"], proofs=found, findings=findings)


def _foundation(change: Json, by_sentence: dict[str, Json]) -> Line:
    found = by_sentence.get(change["sentence"])
    findings = [found] if found is not None else []
    return Line(change=change, agent=None, risk=change["risk"], proofs={}, findings=findings)


def _by_policies(agent: str, proofs: list[Json], gained: set[tuple[str, str]], findings: list[Json]) -> Iterator[Line]:
    """What nobody granted, and policies let through all the same."""
    servers = {server for server, tool in gained if tool == "*"}
    found: Proofs = {}
    for one in proofs:
        key = (one["tool_server"], one["tool"])
        if one["movement"] in WIDER and key not in gained and one["tool_server"] not in servers:
            found.setdefault(key, []).append(one)
    if found:
        findings = [one for one in findings if one["check"] == "policy_widens"] or findings
        yield Line(change=None, agent=agent, risk="", proofs=found, findings=findings)


def _by_facts(agent: str, proofs: list[Json], findings: list[Json]) -> Iterator[Line]:
    """What nobody granted or wrote into a policy, and follows from what policies read."""
    found: Proofs = {}
    for one in proofs:
        if one.get("facts"):
            found.setdefault((one["tool_server"], one["tool"]), []).append(one)
    if found:
        findings = [one for one in findings if one["check"] == "facts_widen"] or findings
        yield Line(change=None, agent=agent, risk="", proofs=found, findings=findings, facts=True)


def _by_agent(found: list[Json]) -> dict[str, list[Json]]:
    """By agent; what belongs to none under the empty name, which no agent has."""
    sorted_in: dict[str, list[Json]] = {}
    for one in found:
        sorted_in.setdefault(str(one.get("agent") or ""), []).append(one)
    return sorted_in
