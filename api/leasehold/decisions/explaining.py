"""Why a decision was what it was: its record, and its question asked again with every condition looked at."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.decisions.assembling import State
from leasehold.decisions.ports import Store, Vault
from leasehold.decisions.questions import request_of
from leasehold.decisions.records import KIND, remembered
from leasehold.model.decision_records import SealedQuestion
from leasehold.model.errors import InvalidValue, LeaseholdError, NotFound
from leasehold.model.records import AuditRecord
from leasehold.policy import explaining
from leasehold.policy.decision import Permit
from leasehold.policy.explaining import PolicyTrace


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision on record, and the same question on what is published now, None if it is not kept any more.

    `same_version` is False if policies or tools have changed since: what is traced may not be what decided.
    """

    record: AuditRecord
    traced: explaining.Explanation | None
    same_version: bool

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
    return Explanation(
        record=found[0],
        traced=_traced(question, vault, state) if question is not None else None,
        same_version=version.partition("@")[0] == state.published.version.partition("@")[0],
    )


def _traced(sealed: SealedQuestion, vault: Vault, state: State) -> explaining.Explanation | None:
    try:
        question = remembered(vault.unseal(sealed.sealed, sealed.id)).question
        return explaining.explain(request_of(question, state, sealed.at), state.published)
    except (InvalidValue, LeaseholdError):  # it was no question, or its subject was erased
        return None
