"""Who brought a difference about, and when: from the versions that the registry keeps of every object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leasehold.model.records import Version
from leasehold.review.findings import Cause, Delta

DELETED = "delete"


def cause_of_change(versions: Sequence[Version], deltas: Iterable[Delta]) -> Cause | None:
    """The last write that moved one of the attributes that differ; `versions` in order of revision."""
    paths = {delta.path.partition(".")[0] for delta in deltas}
    for before, after in reversed(list(zip([None, *versions[:-1]], versions, strict=True))):
        if before is None or before.spec is None or after.spec is None:
            return _cause(after)
        if any(before.spec.get(path) != after.spec.get(path) for path in paths):
            return _cause(after)
    return None


def cause_of_presence(versions: Sequence[Version]) -> Cause | None:
    """The write that brought a live object into being, the last time that it came."""
    born = None
    for version in versions:
        if version.spec is None:
            born = None
        elif born is None:
            born = version
    return _cause(born) if born is not None else None


def cause_of_absence(versions: Sequence[Version]) -> Cause | None:
    """The write that took an object away; None if it never lived."""
    last = versions[-1] if versions else None
    return _cause(last) if last is not None and last.spec is None else None


def _cause(version: Version) -> Cause:
    return Cause(version.by, version.at, version.operation)
