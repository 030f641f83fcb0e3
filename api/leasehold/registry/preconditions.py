"""Is the live object still the one that the caller saw? If not: who changed what since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import assert_never

from leasehold.model.errors import FieldChange, ManagedElsewhere, PreconditionFailed, Revised
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored
from leasehold.model.plain import rfc3339
from leasehold.model.principal import Principal
from leasehold.model.records import Version
from leasehold.registry.ports import UnitOfWork
from leasehold.registry.writes import MustBeRevision, MustNotExist, Precondition

_SHOWN = 20  # revisions in one answer; the newest count


def check_precondition(
    unit: UnitOfWork, kind: Kind, name: str, live: Stored[Spec] | None, precondition: Precondition
) -> None:
    """Raise `PreconditionFailed` unless the precondition holds."""
    match precondition:
        case MustNotExist():
            if live is not None:
                raise PreconditionFailed(
                    f"{kind.singular} `{name}` exists already",
                    current_revision=live.revision,
                    since=changed_since(unit, kind, name, live.revision - 1),
                )
        case MustBeRevision(revision):
            if live is None or live.revision != revision:
                raise _stale(unit, kind, name, live, revision)
        case _:
            assert_never(precondition)


def check_stack(live: Stored[Spec] | None, principal: Principal) -> None:
    """Raise `ManagedElsewhere` if a stack would write what another stack manages."""
    if live is None or live.stack is None or principal.stack in (None, live.stack):
        return
    raise ManagedElsewhere(live.kind.singular, live.name, live.stack)


def changed_since(unit: UnitOfWork, kind: Kind, name: str, revision: int) -> Sequence[Revised]:
    """The revisions after `revision`, each with what it changed, at most the newest twenty."""
    versions = unit.versions.since(kind, name, max(revision, 0))
    if not versions:
        return ()
    # A revision that was never written (0, or one made up) has nothing to compare with.
    base = () if versions[0].revision == revision else (None,)
    return [_revised(before, after) for before, after in pairwise((*base, *versions)) if after is not None][-_SHOWN:]


def _stale(unit: UnitOfWork, kind: Kind, name: str, live: Stored[Spec] | None, revision: int) -> PreconditionFailed:
    since = changed_since(unit, kind, name, revision)
    now_at = f"is at revision {live.revision}" if live is not None else "is gone"
    by = f", {since[-1].operation}d by {since[-1].by} at {since[-1].at}" if since else ""
    return PreconditionFailed(
        f"{kind.singular} `{name}` {now_at}, not {revision}{by}",
        current_revision=live.revision if live is not None else None,
        since=since,
    )


def _revised(before: Version | None, after: Version) -> Revised:
    changes: tuple[FieldChange, ...] = ()
    if before is not None and before.spec is not None and after.spec is not None:
        changes = tuple(_changes("", before.spec, after.spec))
        if before.stack != after.stack:
            changes = (*changes, FieldChange("managed_by", before.stack, after.stack))
    return Revised(after.revision, after.by, rfc3339(after.at), after.operation, changes)


def _changes(prefix: str, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[FieldChange]:
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _changes(f"{prefix}{key}.", was, now)
        else:
            yield FieldChange(f"{prefix}{key}", was, now)
