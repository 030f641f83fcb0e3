"""Why a decision was what it was: its record, and the policies that made it so with their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leasehold.decisions.assembling import State
from leasehold.decisions.ports import Store
from leasehold.decisions.records import KIND
from leasehold.model.errors import NotFound
from leasehold.model.records import AuditRecord
from leasehold.policy.decision import Permit
from leasehold.policy.published import Policy


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision on record. `policies`: those that determined it, as they read now; `gone` are not published any more.

    `same_version` is False if policies or tools have changed since.
    """

    record: AuditRecord
    policies: Mapping[str, Policy]
    gone: tuple[str, ...]
    same_version: bool


def explain(store: Store, _permit: Permit, state: State, decision_id: str) -> Explanation:
    """The explanation of one decision. Raises `NotFound`, `Unavailable`."""
    with store.read() as unit:
        found = unit.audit.list(kind=KIND, name=decision_id, limit=1)
    if not found:
        raise NotFound("decision", decision_id)
    detail = found[0].event.detail
    named = tuple(dict.fromkeys(id_ for id_ in _determining(detail) if not id_.startswith("grant:")))
    published = state.published.policies
    return Explanation(
        record=found[0],
        policies={id_: published[id_] for id_ in named if id_ in published},
        gone=tuple(id_ for id_ in named if id_ not in published),
        same_version=str(detail.get("version", "")).partition("@")[0] == state.published.version.partition("@")[0],
    )


def _determining(detail: Mapping[str, object]) -> Iterator[str]:
    sides = detail.get("sides")
    for side in sides if isinstance(sides, list) else ():
        for what in ("determining", "failed"):
            yield from (str(one) for one in side.get(what, ()))
