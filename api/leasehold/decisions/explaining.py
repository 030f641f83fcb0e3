"""Why a decision was what it was: its record, and its question asked again with every condition looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from leasehold.decisions.assembling import State
from leasehold.decisions.ports import Store, Vault
from leasehold.decisions.questions import request_of
from leasehold.decisions.records import KIND, remembered
from leasehold.model.access_requests import AccessRequest
from leasehold.model.decision_records import SealedQuestion
from leasehold.model.errors import InvalidValue, LeaseholdError, NotFound
from leasehold.model.records import AuditRecord
from leasehold.policy import explaining
from leasehold.policy.changing import smallest_change
from leasehold.policy.decision import Permit
from leasehold.policy.explaining import PolicyTrace


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision on record, and the same question on what is published now, None if it is not kept any more.

    `same_version` is False if policies or tools have changed since: what is traced may not be what decided. `change`
    of arguments would have let a denial pass, where one is found.
    """

    record: AuditRecord
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
        found = unit.audit.list(kind=KIND, name=decision_id, limit=1)
        question = unit.questions.find(decision_id)
    if not found:
        raise NotFound("decision", decision_id)
    version = str(found[0].event.detail.get("version", ""))
    request = _asked(question, vault, state) if question is not None else None
    return Explanation(
        record=found[0],
        traced=explaining.explain(request, state.published) if request is not None else None,
        same_version=version.partition("@")[0] == state.published.version.partition("@")[0],
        change=smallest_change(request, state.published) if request is not None else None,
    )


def _asked(sealed: SealedQuestion, vault: Vault, state: State) -> AccessRequest | None:
    try:
        return request_of(remembered(vault.unseal(sealed.sealed, sealed.id)).question, state, sealed.at)
    except (InvalidValue, LeaseholdError):  # it was no question, or its subject was erased
        return None
