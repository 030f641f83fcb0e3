"""Who brought a difference about, and when: from the versions that the registry keeps of every object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from leasehold.model.records import Version
from leasehold.review.findings import Delta


def cause_of_change(versions: Sequence[Version], deltas: Iterable[Delta]) -> Version | None:
    """The last write that moved one of the attributes that differ; `versions` in order of revision."""
    paths = {delta.path.partition(".")[0] for delta in deltas}
    for before, after in reversed(list(zip([None, *versions[:-1]], versions, strict=True))):
        if before is None or before.spec is None or after.spec is None:
            return after
        if any(before.spec.get(path) != after.spec.get(path) for path in paths):
            return after
    return None


def cause_of_presence(versions: Sequence[Version]) -> Version | None:
    """The write that brought a live object into being, the last time that it came."""
    born = None
    for version in versions:
        if version.spec is None:
            born = None
        elif born is None:
            born = version
    return born


def cause_of_taking(versions: Sequence[Version]) -> Version | None:
    """The write by which a live object came to the stack that manages it."""
    taken = None
    for version in reversed(versions):
        if version.spec is None or (taken is not None and version.stack != taken.stack):
            break
        taken = version
    return taken


def cause_of_absence(versions: Sequence[Version]) -> Version | None:
    """The write that took an object away; None if it never lived."""
    last = versions[-1] if versions else None
    return last if last is not None and last.spec is None else None


def cause_of_delisting(versions: Sequence[Version], tools: Iterable[str]) -> Version | None:
    """The last write of a tool server that took one of these tools off its list; None if none ever stood there."""
    for before, after in reversed(list(pairwise(versions))):
        if {*tools} & (_listed(before) - _listed(after)):
            return after
    return None


def _listed(version: Version) -> set[str]:
    tools = version.spec.get("tools") if version.spec is not None else None
    return set(tools) if isinstance(tools, dict) else set()
