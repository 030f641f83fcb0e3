"""What terminal and Markdown share: how a report is counted and dated."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

LEVELS = ("low", "medium", "high", "critical")
_STACK = re.compile(r"[a-z0-9_-]{1,63}")
Json = dict[str, Any]  # Any: a report, as its schema in schemas/ says


def rank(level: str | None) -> int:
    """1 (low) to 4 (critical); 0 for none, or a word that we do not know."""
    return LEVELS.index(level) + 1 if level in LEVELS else 0


def tally(risks: list[str]) -> str:
    """`1 critical, 2 low`."""
    counts = Counter(risks)
    return ", ".join(f"{counts[level]} {level}" for level in reversed(LEVELS) if counts[level])


def changes_of(review: Json) -> list[Json]:
    """All changes of a plan review, worst first."""
    changes: list[Json] = [*review["access"], *review["foundations"]]
    return sorted(changes, key=lambda one: -rank(one["risk"]))


def moment(at: object) -> str:
    """`2026-11-21 22:14 UTC` of an RFC 3339 time in UTC."""
    text = str(at)
    return f"{text[:10]} {text[11:16]} UTC" if text.endswith("Z") else text


def stacks_of(report: Json) -> str:
    """The stacks, for titles and markers; names that are none are left out, so that nothing breaks out."""
    return ",".join(name for name in map(str, report["stacks"]) if _STACK.fullmatch(name))


def is_partial(report: Json, notes: tuple[str, ...]) -> bool:
    """True if something that should be judged could not be."""
    gaps = report.get("coverage", {}).get("gaps", ())
    return bool(notes) or bool(report["unproven"]) or bool(gaps) or not report["snapshot"]["complete"]


def open_findings(report: Json) -> list[Json]:
    """The findings that no exception accepts."""
    return [one for one in report["findings"] if not one.get("accepted")]


def accepted_findings(report: Json) -> list[Json]:
    """The findings that an exception accepts for now: shown, and failing nothing."""
    return [one for one in report["findings"] if one.get("accepted")]


def headline(report: Json) -> str:
    """`1 critical, 2 low; 1 accepted`, or `no drift`."""
    counted = tally([one["risk"] for one in open_findings(report)]) or "no drift"
    accepted = len(accepted_findings(report))
    return f"{counted}; {accepted} accepted" if accepted else counted


def further_states(finding: Json) -> list[str]:
    """The states that a finding is in beside the one that leads."""
    return [str(state) for state in finding.get("states", ()) if state != finding["class"]]


def reach_of(finding: Json) -> str:
    """`score 87: 2 agents, 1 resource pattern, 3 live leases, used 40 times in 30 days, last 2026-11-22 05:51 UTC`."""
    score, blast = finding.get("score"), finding.get("blast")
    parts = _reach(blast) if blast else []
    head = f"score {int(score['value'])}" if score else ""
    return ": ".join(part for part in (head, ", ".join(parts)) if part)


def deed_of(cause: Json) -> str:
    """`created it`; of another system, its own word for what was done; untrusted text."""
    return str(cause["operation"]) if cause.get("record") else f"{cause['operation']}d it"


def way_of(cause: Json | None) -> list[str]:
    """How a write came: the door, and what is on record of who stood in it; untrusted text."""
    if cause is None:
        return []
    named = (("stack", "stack"), ("binding", "binding"), ("run", "run"), ("lease", "lease"), ("event", "audit event"))
    found = [f"{label} {cause[name]}" for name, label in named if cause.get(name) is not None]
    via = [str(cause["via"])] if cause.get("via") else []
    if cause.get("record"):
        return [*via, f"on record in {cause['record']}"]
    approved = cause.get("approved_by")
    return [*via, *found, *([f"approved by {approved}"] if approved else ["no approval on record"] if found else [])]


def _reach(blast: Json) -> list[str]:
    counts = (
        (blast["agents"], "agent"),
        (blast["resources"], "resource pattern"),
        (blast["live_leases"], "live lease"),
    )
    parts = [f"{int(count)} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count]
    if blast["used"]:
        times = f"{int(blast['used'])} token{'' if blast['used'] == 1 else 's'} in {int(blast['used_days'])} days"
        parts.append(f"{times}, last {moment(blast['last_used'])}")
    if blast.get("calls"):
        times = f"{int(blast['calls'])} call{'' if blast['calls'] == 1 else 's'} since {moment(blast['calls_since'])}"
        parts.append(f"{times}, last {moment(blast['last_called'])}")
    return parts
