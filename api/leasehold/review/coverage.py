"""What a report could judge and what it could not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from leasehold.model.credentials import CredentialProfile
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.policies import Policy
from leasehold.model.tools import ToolServer
from leasehold.review.declared import Declared
from leasehold.review.findings import DriftClass, Finding, Unproven
from leasehold.review.outside import is_visible
from leasehold.review.reports import Coverage, Gap
from leasehold.review.worlds import Live

_WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Unlooked:
    """How often something beyond the registry was looked at, and the `failed` looks; tool servers `seen` to list."""

    failed: tuple[Unproven, ...]
    looks: int
    seen: frozenset[str]


def coverage(declared: Declared, live: Live, findings: Sequence[Finding], beyond: Unlooked) -> Coverage:
    """Declared objects and looks beyond the registry are what should be judged."""
    gaps = tuple(_gaps(declared, live, findings, beyond.failed))
    total = len(declared.by_key) + len(declared.unproven) + beyond.looks + (0 if live.complete else 1)
    judged = total - sum(one.count for one in gaps)
    pct = round(100 * judged / total, 1) if total else _WHOLE
    # A gap never rounds away.
    pct = min(pct, 99.9) if gaps else pct
    return Coverage(
        judged=judged, total=total, pct=pct, gaps=gaps, out_of_sight=tuple(_out_of_sight(declared, beyond.seen))
    )


def _gaps(declared: Declared, live: Live, findings: Iterable[Finding], beyond: Sequence[Unproven]) -> Iterator[Gap]:
    if declared.unproven:
        yield Gap(
            _counted("declared object", len(declared.unproven)),
            len(declared.unproven),
            "attributes are not known yet, or withheld as sensitive",
        )
    if beyond:
        yield Gap(
            _counted("external system", len(beyond)), len(beyond), "not seen now, or not when the profile was applied"
        )
    unsure = {(one.kind, one.name) for one in findings if DriftClass.UNPROVEN in one.states}
    if unjudged := len(unsure & declared.by_key.keys()):
        yield Gap(_counted("change", unjudged), unjudged, "nobody can tell which way they move access")
    if not live.complete:
        yield Gap("snapshot", 1, "the registry was written to while it was read")


def _out_of_sight(declared: Declared, seen: frozenset[str]) -> Iterator[Gap]:
    unseen = (one for one in declared.by_key.values() if not (one.kind is Kind.TOOL_SERVERS and one.name in seen))
    found = Counter(_unseen(one.spec) for one in unseen)
    for (what, why), count in sorted((key, count) for key, count in found.items() if key is not None):
        yield Gap(_counted(what, count), count, why)


def _unseen(spec: Spec) -> tuple[str, str] | None:
    match spec:
        case Policy():
            return "policy", "what it makes of calls"
        case ToolServer():
            return "tool server", "what it lists itself"
        case CredentialProfile() if not is_visible(spec):
            return "credential profile", "the target that it points to"
        case _:
            return None


def _counted(noun: str, count: int) -> str:
    if count == 1:
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
