"""Why a decision was what it was: its record, and its question asked again with every condition looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leasehold.decisions.assembling import State
from leasehold.decisions.ports import Store, UnitOfWork, Vault
from leasehold.decisions.questions import request_of
from leasehold.decisions.records import ACTION, KIND, moment_of, remembered
from leasehold.model.access_requests import AccessRequest
from leasehold.model.calls import CALLS
from leasehold.model.decision_records import SealedQuestion
from leasehold.model.decisions import Reason
from leasehold.model.errors import InvalidValue, LeaseholdError, NotFound
from leasehold.model.events import AuditEvent
from leasehold.model.trail.queries import TrailQuery
from leasehold.policy import explaining
from leasehold.policy.changing import smallest_change
from leasehold.policy.decision import Permit
from leasehold.policy.explaining import PolicyTrace

_DECISION = "decision"
_AROUND = ("version", "user", "chain", "deployment", "lease")
_AT_ONCE = 10_000  # calls that begin in one millisecond


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision on record, and the same question on what is published now, None if it is not kept any more.

    `said` is what the record says of it. `same_version` is False if policies or tools have changed since: what is
    traced may not be what decided. `change` of arguments would have let a denial pass, where one is found.
    """

    id: str
    at: datetime
    asked_by: str
    allowed: bool
    said: Mapping[str, object]
    traced: explaining.Explanation | None
    same_version: bool
    change: Mapping[str, object] | None = None

    @property
    def policies(self) -> tuple[PolicyTrace, ...]:
        """Every policy that has a say in the question."""
        return self.traced.policies if self.traced is not None else ()


def explain(store: Store, vault: Vault, _permit: Permit, state: State, decision_id: str) -> Explanation:
    """The explanation of one decision. Raises `NotFound`, `Unavailable`."""
    with store.read() as unit:
        event = _event(unit, decision_id)
        question = unit.questions.find(decision_id)
    if event is None:
        raise NotFound("decision", decision_id)
    said = _said(event)
    version = str(said.get("version", ""))
    request = _asked(question, vault, state) if question is not None else None
    return Explanation(
        id=decision_id,
        at=event.at,
        asked_by=event.principal,
        allowed=Reason(str(said["reason"])).allows,
        said=said,
        traced=explaining.explain(request, state.published) if request is not None else None,
        same_version=version.partition("@")[0] == state.published.version.partition("@")[0],
        change=smallest_change(request, state.published) if request is not None else None,
    )


def _event(unit: UnitOfWork, decision_id: str) -> AuditEvent | None:
    """Where the decision stands: in an event of its own, or in that of the call it let through or did not."""
    own = TrailQuery(kind=KIND, name=decision_id, action=ACTION)  # a refusal to explain it is named so as well
    if found := unit.trail.search(own, None, 1):
        return found[0].record.event
    if (moment := moment_of(decision_id)) is None:
        return None
    calls = unit.trail.search(TrailQuery(kind=CALLS, since=moment[0], until=moment[1]), None, _AT_ONCE)
    events = (one.record.event for one in calls if one.record.event.detail.get("decisions") == [decision_id])
    return next((one for one in events if _DECISION in one.detail), None)


def _said(event: AuditEvent) -> Mapping[str, object]:
    """What the event says of the decision, in the one form."""
    decision = event.detail.get(_DECISION)
    if not isinstance(decision, dict):
        return event.detail
    around = {name: event.detail[name] for name in _AROUND if name in event.detail}
    sides = event.detail["sides"]
    return {**decision, **around, "sides": sides[0] if isinstance(sides, list) else []}


def _asked(sealed: SealedQuestion, vault: Vault, state: State) -> AccessRequest | None:
    try:
        return request_of(remembered(vault.unseal(sealed.sealed, sealed.id)).question, state, sealed.at)
    except (InvalidValue, LeaseholdError):  # it was no question, or its subject was erased
        return None
