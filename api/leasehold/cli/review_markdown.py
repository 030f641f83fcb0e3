"""The plan review as a comment: who can do what more, or less, for a reader who has never seen one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from leasehold.cli.circumstances import circumstances, foot, marker, unproven_lines
from leasehold.cli.deeds import deeds, in_short
from leasehold.cli.folding import COMMENT_LIMIT, Sheet, laid_out
from leasehold.cli.reports import Json, changes_of, moment, rank
from leasehold.cli.risk_words import LIGHTS, reasons, risk_cell, worst
from leasehold.cli.safe_text import cell, cell_code, code, words

_STRONG = ("can now", "can no longer")
_NAMED, _STACKS = 2, 5  # how many a title names
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


def review_markdown(report: Json, *, notes: tuple[str, ...] = (), limit: int = COMMENT_LIMIT) -> str:
    """The plan review as one comment."""
    changes = changes_of(report)
    head = [marker("review", report), f"### {_title(report, notes)}", "", *circumstances(report, notes)]
    return laid_out(
        Sheet(
            head=head,
            columns=("Risk", "Who", "After this change", "Why it counts"),
            rows=[*map(_row, changes)],
            after=[*_reversals(report), *unproven_lines(report)],
            fold="Every tool, resource and limit",
            blocks=list(chain.from_iterable(map(_details, report["access"]))),
            foot=foot(report, _WHAT_THIS_IS),
        ),
        limit,
    )


def headline(report: Json, notes: tuple[str, ...] = ()) -> str:
    """The verdict in one line of plain text, without a live string."""
    said = _verdict(report, lambda changes: _counted(changes, "gain"), lambda changes: _counted(changes, "lose"))
    risk = worst(changes_of(report))
    return f"{risk}: {said}{_doubt(report, notes)}" if risk else f"{said}{_doubt(report, notes)}"


def _title(report: Json, notes: tuple[str, ...]) -> str:
    changes, doubt = changes_of(report), _doubt(report, notes)
    where = _in_stacks(report)
    if changes:
        risk = worst(changes)
        said = _verdict(report, lambda found: _one_deed(found) or _named(found, "gain"), lambda of: _named(of, "lose"))
        return f"{LIGHTS[risk]} {risk.capitalize()}{where}: {said}{doubt}"
    if doubt:
        return f"⚠️ Not proven{where}: {doubt.removeprefix(', ')}"
    return f"✅ No agent gains or loses access{where}"


def _verdict(report: Json, gain: Callable[[list[Json]], str], lose: Callable[[list[Json]], str]) -> str:
    """Who gains, who loses, and what changes beneath; of the latter, what weighs least is left to the table."""
    gaining = [one for one in report["access"] if one["gains"]]
    losing = [one for one in report["access"] if one["losses"] and not one["gains"]]
    beneath = [one for one in report["foundations"] if rank(one["risk"]) > 1 or not report["access"]]
    said = [
        *([gain(gaining)] if gaining else []),
        *([lose(losing)] if losing else []),
        *(["nobody gains any"] if losing and not gaining and not beneath else []),
        *dict.fromkeys(_BENEATH.get(one["kind"], "what access rests on changes") for one in beneath),
    ]
    return ", ".join(said) or "no agent gains or loses access"


def _one_deed(gaining: list[Json]) -> str:
    """The whole gain, if it is one agent's, and one thing."""
    change, *others = gaining
    said = in_short(change["gains"])
    if others or not said:
        return ""
    who = f"{'new ' if change.get('is_new') else ''}agent {code(change['agent'])}"
    within = ", within limits" if any(one.get("constraints") for one in change["gains"]) else ""
    can = "can do more than before:" if change.get("had") else "can now"
    return f"{who} {can} {said}{within}{' (and loses access)' if change['losses'] else ''}"


def _named(found: list[Json], verb: str) -> str:
    if len(found) > _NAMED:
        return _counted(found, verb)
    agents = " and ".join(code(one["agent"]) for one in found)
    return f"agent {agents} {verb}s access" if len(found) == 1 else f"agents {agents} {verb} access"


def _counted(found: list[Json], verb: str) -> str:
    return f"1 agent {verb}s access" if len(found) == 1 else f"{len(found)} agents {verb} access"


def _doubt(report: Json, notes: tuple[str, ...]) -> str:
    if unproven := len(report["unproven"]):
        return f", {unproven} {'object is' if unproven == 1 else 'objects are'} not known yet"
    return "" if report["snapshot"]["complete"] and not notes else ", not everything could be compared"


def _in_stacks(report: Json) -> str:
    stacks = [code(one) for one in report["stacks"]]
    return f" in {', '.join(stacks[:_STACKS])}{' and others' if len(stacks) > _STACKS else ''}" if stacks else ""


def _row(change: Json) -> str:
    who, what = _access(change) if "agent" in change else _foundation(change)
    return f"| {risk_cell(change)} | {who} | {what} | {reasons(change)} |"


def _access(change: Json) -> tuple[str, str]:
    who = f"{'new ' if change.get('is_new') else ''}agent&nbsp;{cell_code(change['agent'])}"
    lines = [f"**can now** {one}" for one in deeds(change["gains"], change.get("had", ()), "was")]
    lines += [f"**can no longer** {one}" for one in deeds(change["losses"], change.get("keeps", ()), "still")]
    return who, "<br>".join(lines)


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


def _details(change: Json) -> Iterator[str]:
    """Every entitlement of one agent, one line each, the gravest first."""
    yield f"- agent {code(change['agent'])}"
    for word, side in (("gains", "gains"), ("loses", "losses")):
        yield from (f"  - {word} {_exact(one)}" for one in _graver_first(change[side]))
    yield ""


def _exact(one: Json) -> str:
    action = f" ({words(one['action'])})" if one.get("action") else ""
    return f"server {code(one['tool_server'])}: {''.join(deeds([one], (), ''))}{action}"


def _graver_first(entitlements: Iterable[Json]) -> list[Json]:
    order = {"delete": 0, "execute": 0, "write": 1, "read": 2}
    return sorted(entitlements, key=lambda one: order.get(str(one.get("action")), 0))
