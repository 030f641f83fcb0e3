"""Approvals of a change that are on record, and that nothing has used or overtaken since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from leasehold.model.receipts import Approval
from leasehold.model.records import AuditRecord
from leasehold.review.gate.delta import SemanticDelta
from leasehold.review.history import Evidence, History

_KIND, _ACTION = "plan-reviews", "approve"


def approvals_of(delta: SemanticDelta, evidence: Evidence, history: History) -> Iterator[Approval]:
    """Who approved exactly this change, newest first.

    Once something of it is written an approval is used up: what was applied and taken back again is asked for anew.
    """
    found = evidence.done([(_KIND, delta.digest)]).get((_KIND, delta.digest), ())
    approvals = [_approval(one) for one in found if one.event.action == _ACTION]
    if approvals:
        written = [past[-1].at for past in history.histories(delta.keys).values() if past]
        yield from (one for one in approvals if all(at <= one.at for at in written))


def _approval(record: AuditRecord) -> Approval:
    event, said = record.event, record.event.detail
    stacks = said["stacks"]
    return Approval(
        receipt=str(said["receipt"]),
        delta=event.name,
        stacks=frozenset(map(str, stacks)) if isinstance(stacks, list | tuple) else frozenset(),
        rules=str(said["rules"]),
        by=event.principal,
        at=event.at,
        until=datetime.fromisoformat(str(said["until"])),
    )
