"""The plan review as a comment: who can do what more, or less, for a reader who has never seen one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from leasehold.cli.circumstances import circumstances, foot, marker, unproven_lines
from leasehold.cli.deeds import deeds, in_short
from leasehold.cli.folding import COMMENT_LIMIT, Sheet, laid_out
from leasehold.cli.gate_words import (
    AUTO,
    BASE,
    SIGNS,
    VERDICTS,
    gate_cell,
    receipt_lines,
    rule_lines,
    verdict_of,
    what_next,
)
from leasehold.cli.proof_words import EQUIVALENT, policy_lines, proof_lines
from leasehold.cli.reports import Json, changes_of, moment, rank
from leasehold.cli.review_evidence import Evidence, Line, evidence_of
from leasehold.cli.risk_words import reasons, risk_cell, worst
from leasehold.cli.safe_text import cell, cell_code, code, words

_STRONG = ("can now", "can no longer")
_NAMED, _STACKS = 2, 5  # how many a title names
_TOOLS, _POLICIES, _PROOFS = 6, 8, 200  # how many are listed
_BENEATH = {
    "workload-bindings": "who can become an agent changes",
    "trust-issuers": "whose proof is believed changes",
    "ceilings": "an upper bound changes",
    "owners": "who answers for agents changes",
}
_WHAT_THIS_IS = (
    "Leasehold compares what AI agents can do now with what they could do after this plan is applied: access, not "
    "attributes."
)
_COMPARED = "Leasehold compares what AI agents could do under two versions, where all else is as it lives."


def review_markdown(
    report: Json, *, notes: tuple[str, ...] = (), limit: int = COMMENT_LIMIT, receipt: PurePath | None = None
) -> str:
    """The plan review as one comment: the verdict, the table of access, the rest. `receipt` is the file of it."""
    evidence = evidence_of(report)
    kind, what_this_is = ("comparison", _COMPARED) if report.get("against") == BASE else ("review", _WHAT_THIS_IS)
    head = [marker(kind, report), f"### {_title(report, evidence, notes)}", "", *circumstances(report, notes)]
    head += what_next(report, worst(changes_of(report)), receipt)
    return laid_out(
        Sheet(
            head=head,
            columns=("Gate", "Risk", "Who", "After this change"),
            rows=[_row(one, report) for one in evidence.rows],
            after=[
                *_policies(evidence),
                *rule_lines(report),
                *_reversals(report),
                *unproven_lines(report),
            ],
            fold="Every tool, resource, limit and proof",
            blocks=list(_blocks(evidence)),
            foot=[*receipt_lines(report, receipt), *foot(report, what_this_is)],
        ),
        limit,
    )


def headline(report: Json, notes: tuple[str, ...] = ()) -> str:
    """The verdict in one line of plain text, without a live string."""
    said = _said(report, evidence_of(report), _Counting())
    risk = worst(changes_of(report))
    return f"{VERDICTS[verdict_of(report)]}{f' ({risk} risk)' if risk else ''}: {said}{_doubt(report, notes)}"


def _title(report: Json, evidence: Evidence, notes: tuple[str, ...]) -> str:
    verdict, doubt, where = verdict_of(report), _doubt(report, notes), _in_stacks(report)
    changed = bool(evidence.rows or any(one["movement"] != EQUIVALENT for one in evidence.policies))
    if verdict == AUTO and not changed:
        if doubt:
            return f"⚠️ Not proven{where}: {doubt.removeprefix(', ')}"
        return f"✅ No agent gains or loses access{where}"
    said = _said(report, evidence, _Naming()) if changed else ""
    if not said:
        said = doubt.removeprefix(", ") or "no agent gains or loses access, and rules object all the same"
        doubt = ""
    return f"{SIGNS[verdict]} {VERDICTS[verdict].capitalize()}{where}: {said}{doubt}"


class _Counting:
    """Agents by their number: no live string."""

    def gain(self, rows: list[Line]) -> str:
        return _counted(rows, "gain")

    def idle(self, rows: list[Line]) -> str:
        return f"{_agents(rows)} granted what {'it' if len(rows) == 1 else 'they'} may not call"

    def lose(self, rows: list[Line]) -> str:
        return _counted(rows, "lose")

    def place(self, _found: list[Json]) -> str:
        return ""

    def by_policies(self, rows: list[Line]) -> str:
        return f"policies let {len(rows)} agent{'' if len(rows) == 1 else 's'} do more"

    def by_facts(self, rows: list[Line]) -> str:
        return f"what policies read lets {len(rows)} agent{'' if len(rows) == 1 else 's'} do {_how_much(rows)}"


class _Naming(_Counting):
    """Agents by name, and the one deed if it is one."""

    def gain(self, rows: list[Line]) -> str:
        return _one_deed(rows) or _named(rows, "gain")

    def idle(self, rows: list[Line]) -> str:
        change, said = rows[0].change, ""
        if len(rows) == 1 and change is not None and (said := in_short(change["gains"])):
            return f"{_agent(change)} is granted {said}, and policies let it call no more than before"
        return super().idle(rows)

    def lose(self, rows: list[Line]) -> str:
        return _named(rows, "lose")

    def place(self, found: list[Json]) -> str:
        return f" ({code(found[0]['name'])})" if len(found) == 1 else ""

    def by_policies(self, rows: list[Line]) -> str:
        if len(rows) > 1 or len(rows[0].proofs) > 1:
            return super().by_policies(rows)
        ((_, tool),) = rows[0].proofs
        return f"policies let agent {code(rows[0].agent)} call {code(tool)} as it could not before"

    def by_facts(self, rows: list[Line]) -> str:
        if len(rows) > 1 or len(rows[0].proofs) > 1 or _how_much(rows) != "more":
            return super().by_facts(rows)
        (((_, tool), (proof, *rest)),) = rows[0].proofs.items()
        on_behalf = f" for {code(proof['user'])}" if proof["user"] and not rest and not proof["alike"] else ""
        return f"agent {code(rows[0].agent)} can now call {code(tool)}{on_behalf}, by what policies read"


def _said(report: Json, evidence: Evidence, words_of: _Counting) -> str:
    """Who gains, who loses, and what changes beneath; of the latter, what weighs least is left to the table."""
    gaining = [row for row in evidence.by_grants if row.change is not None and row.change["gains"]]
    more = [row for row in gaining if row.verb != "is granted"]
    idle = [row for row in gaining if row.verb == "is granted"]
    losing = [row for row in evidence.by_grants if row.change is None or not row.change["gains"]]
    policies, facts = evidence.by_policies, evidence.by_facts
    beneath = [one for one in report["foundations"] if rank(one["risk"]) > 1 or not report["access"]]
    said = [
        *([words_of.gain(more)] if more else []),
        *([words_of.idle(idle)] if idle else []),
        *([words_of.by_policies(policies)] if policies else []),
        *([words_of.by_facts(facts)] if facts else []),
        *([words_of.lose(losing)] if losing else []),
        *(["nobody gains any"] if losing and not gaining and not beneath and not policies else []),
        *_said_beneath(beneath, words_of),
    ]
    if not policies and any(one["movement"] != EQUIVALENT for one in evidence.policies):
        said.append("what policies allow changes")
    return ", ".join(said) or "no agent gains or loses access"


def _said_beneath(found: list[Json], words_of: _Counting) -> Iterator[str]:
    """What changes beneath access, once each; by name if it is one thing."""
    said = dict.fromkeys(_BENEATH.get(one["kind"], "what access rests on changes") for one in found)
    yield from (f"{one}{words_of.place(found)}" for one in said)


def _one_deed(rows: list[Line]) -> str:
    """The whole gain, if it is one agent's, and one thing."""
    row, change = rows[0], rows[0].change
    if len(rows) > 1 or change is None or not (said := in_short(change["gains"])):
        return ""
    within = ", within limits" if any(one.get("constraints") for one in change["gains"]) else ""
    can = row.verb.replace("now", "do more than before:") if change.get("had") else row.verb
    asides = [*(["unproven"] if row.verb == "might now" else []), *(["and loses access"] if change["losses"] else [])]
    aside = f" ({', '.join(asides)})" if asides else ""
    return f"{_agent(change)} {can} {said}{within}{aside}"


def _agent(change: Json) -> str:
    return f"{'new ' if change.get('is_new') else ''}agent {code(change['agent'])}"


def _named(found: list[Line], verb: str) -> str:
    if len(found) > _NAMED:
        return _counted(found, verb)
    agents = " and ".join(code(one.agent) for one in found)
    return f"agent {agents} {verb}s access" if len(found) == 1 else f"agents {agents} {verb} access"


def _agents(found: list[Line]) -> str:
    return "1 agent is" if len(found) == 1 else f"{len(found)} agents are"


def _counted(found: list[Line], verb: str) -> str:
    return f"1 agent {verb}s access" if len(found) == 1 else f"{len(found)} agents {verb} access"


def _doubt(report: Json, notes: tuple[str, ...]) -> str:
    if unproven := len(report["unproven"]):
        return f", {unproven} {'object is' if unproven == 1 else 'objects are'} not known yet"
    return "" if report["snapshot"]["complete"] and not notes else ", not everything could be compared"


def _in_stacks(report: Json) -> str:
    stacks = [code(one) for one in report["stacks"]]
    return f" in {', '.join(stacks[:_STACKS])}{' and others' if len(stacks) > _STACKS else ''}" if stacks else ""


def _row(row: Line, report: Json) -> str:
    if row.change is None:
        who, what = f"agent&nbsp;{cell_code(row.agent)}", _by_policy(row)
        risk = "by facts" if row.facts else "by policies"
    elif row.agent is None:
        (who, what), risk = _foundation(row.change), _risk(row.change)
    else:
        (who, what), risk = _access(row, row.change), _risk(row.change)
    return f"| {gate_cell(row.findings, report)} | {risk} | {who} | {what} |"


def _risk(change: Json) -> str:
    why = reasons(change)
    return f"{risk_cell(change)}{f'<br>{why}' if why else ''}"


def _access(row: Line, change: Json) -> tuple[str, str]:
    """What can be called more, what is granted in vain, what cannot be called any more; and the proofs."""
    who = f"{'new ' if change.get('is_new') else ''}agent&nbsp;{cell_code(change['agent'])}"
    had = change.get("had", ())
    lines = [f"**{verb}** {one}" for verb, some in row.by_verb() for one in deeds(some, had, "was")]
    lines += proof_lines(row.proofs)
    lines += [f"**can no longer** {one}" for one in deeds(change["losses"], change.get("keeps", ()), "still")]
    return who, "<br>".join(lines)


def _by_policy(row: Line) -> str:
    tools = [cell_code(tool) for _, tool in row.proofs]
    more = f" and {len(tools) - _TOOLS} more tools" if len(tools) > _TOOLS else ""
    why = "what policies read changes" if row.facts else "policies change"
    much = f"can call {_how_much([row])} than before" if row.facts else "can call more than before"
    said = f"**{much}** of {', '.join(tools[:_TOOLS])}{more}, because {why}"
    return "<br>".join([said, *proof_lines(row.proofs)])


def _how_much(rows: list[Line]) -> str:
    """Whether it is more that can be called, less, or something else: of what is unproven nobody can tell."""
    moved = {one["movement"] for row in rows for several in row.proofs.values() for one in several}
    return "less" if moved == {"narrows"} else "more" if moved == {"widens"} else "more or less"


def _foundation(change: Json) -> tuple[str, str]:
    kind = words(str(change["kind"]).replace("-", " ").removesuffix("s"))
    sentence = str(change["sentence"])
    said = sentence.removeprefix(f"{kind} `{change['name']}` ")  # it stands in the column before
    return f"{kind} {cell_code(change['name'])}", cell(said, strong=_STRONG)


def _reversals(report: Json) -> Iterator[str]:
    found = report["reversals"]
    if not found:
        return
    plural = "" if len(found) == 1 else "s"
    yield f"↩️ **The apply also takes away {len(found)} grant{plural} made outside the code:**"
    yield ""
    yield from (f"- {code(one['name'])}{_by(one.get('cause'))}" for one in found[:10])
    if len(found) > 10:  # noqa: PLR2004  said above
        yield f"- and {len(found) - 10} more"
    yield ""


def _by(cause: Json | None) -> str:
    return f", {words(cause['operation'])}d by {code(cause['actor'])} {words(moment(cause['at']))}" if cause else ""


def _policies(evidence: Evidence) -> Iterator[str]:
    """What changed policies do to whoever they concern."""
    moved = [one for one in evidence.policies if one["movement"] != EQUIVALENT]
    if not moved:
        return
    yield "**Changed policies:**"
    yield ""
    yield from policy_lines(moved[:_POLICIES])
    if len(moved) > _POLICIES:
        yield f"- and {len(moved) - _POLICIES} more, below"
    yield ""


def _blocks(evidence: Evidence) -> Iterator[str]:
    for row in evidence.rows:
        if row.agent is not None and (row.change is not None or row.told > 1):
            yield from _details(row)
    rest = [one for one in evidence.policies if one["movement"] == EQUIVALENT]
    moved = [one for one in evidence.policies if one["movement"] != EQUIVALENT][_POLICIES:]
    if moved or rest:
        yield "- changed policies"
        yield from (f"  {line}" for line in policy_lines([*moved, *rest]))
        yield ""


def _details(row: Line) -> Iterator[str]:
    """Every entitlement of one agent, one line each, the gravest first; then what was proved."""
    yield f"- agent {code(row.agent)}"
    for word, side in (("gains", "gains"), ("loses", "losses")):
        yield from (f"  - {word} {_exact(one)}" for one in _graver_first(row.change[side] if row.change else ()))
    if row.told > 1:  # else the table says it
        yield from (f"  - {line}" for line in proof_lines(row.proofs, most=_PROOFS))
    yield ""


def _exact(one: Json) -> str:
    action = f" ({words(one['action'])})" if one.get("action") else ""
    return f"server {code(one['tool_server'])}: {''.join(deeds([one], (), ''))}{action}"


def _graver_first(entitlements: Iterable[Json]) -> list[Json]:
    order = {"delete": 0, "execute": 0, "write": 1, "read": 2}
    return sorted(entitlements, key=lambda one: order.get(str(one.get("action")), 0))
