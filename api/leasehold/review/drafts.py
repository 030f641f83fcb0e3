"""What is the matter, before anyone asks who did it and how to mend it; and the name that it keeps across reports."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.objects import Spec
from leasehold.model.outside import Trace
from leasehold.review.attributes import flattened
from leasehold.review.differences import NOTHING, Difference
from leasehold.review.entitlements import Entitlements, collapsed
from leasehold.review.findings import Cause, Delta, DriftClass, fingerprint
from leasehold.review.moves import Shift
from leasehold.review.risk import Assessment
from leasehold.review.worlds import Key

_TIMES = frozenset({"expires_at", "review_by"})


@dataclass(frozen=True, slots=True)
class Draft:
    """One matter of one object, for one agent or for none that we know.

    `signs` are what makes it this matter beside access and attributes. `cause_key` is the object whose change brought
    it about, if it is not the object itself; with `delisted`, the tool server that took these tools off its list.
    `trace` is who is known to have moved what lies beyond the registry. What is no object has its `key` from the object
    that it gives something to, its own `cause`, and its own way back, `revert`.
    """

    class_: DriftClass
    key: Key
    agent: str | None
    sentence: str
    assessment: Assessment
    difference: Difference | None = None
    gains: Entitlements = NOTHING
    losses: Entitlements = NOTHING
    cause_key: Key | None = None
    moved: Shift | None = None
    signs: tuple[str, ...] = ()
    delisted: frozenset[str] = frozenset()
    beyond: tuple[Delta, ...] = ()
    trace: Trace | None = None
    cause: Cause | None = None
    revert: str | None = None

    @property
    def changes(self) -> tuple[Delta, ...]:
        """What differs, attribute by attribute: of the object, or of what lies beyond the registry."""
        return self.difference.deltas if self.difference is not None else self.beyond


def fingerprint_of(draft: Draft) -> str:
    """The name of a matter across reports.

    INVARIANT: whoever accepts a finding accepts this access and these values: any other is another finding. Counts and
    points in time are no part of it; whether there is an end at all is.
    """
    sides = [[one.key for one in collapsed(side)] for side in (draft.gains, draft.losses)]
    changes = [[one.path, _value(one.path, one.live)] for one in draft.changes]
    live = draft.difference.live if draft.difference is not None and draft.difference.declared is None else None
    kind, name = draft.key
    return fingerprint([draft.class_, draft.agent, kind, name, sides, changes, _spec(live), [*draft.signs]])


def _spec(live: Spec | None) -> list[object]:
    """What nobody declared is named by all that it says."""
    return [] if live is None else [[path, _value(path, value)] for path, value in sorted(flattened(live).items())]


def _value(path: str, value: object) -> object:
    return (value is not None) if path.rpartition(".")[2] in _TIMES else value
