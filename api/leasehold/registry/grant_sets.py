"""The exclusive claim of an agent's grants: what the plan saw and no longer wants goes, what it never saw stops it."""

from __future__ import annotations

from collections.abc import Sequence

from leasehold.model.errors import FieldError, InvalidBody, PreconditionFailed, Revised
from leasehold.model.grants import GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.objects import Reference, Spec, Stored
from leasehold.model.plain import rfc3339
from leasehold.model.principal import Principal
from leasehold.registry.ports import UnitOfWork
from leasehold.registry.preconditions import check_stack
from leasehold.registry.references import unknown
from leasehold.registry.views import live_grants
from leasehold.registry.writes import Put

_SHOWN = 20


def grants_to_remove(
    unit: UnitOfWork, principal: Principal, put: Put, live_set: Stored[Spec] | None
) -> list[Stored[Spec]]:
    """The agent's live grants that the claim ends. Raises `PreconditionFailed` where life moved on since the plan."""
    wanted = put.spec.grants if isinstance(put.spec, GrantSet) else frozenset()
    current = live_set.revision if live_set is not None else None
    alive = frozenset(live_grants(unit, frozenset({put.name})).get(put.name, ()))
    _check_wanted(unit, put.name, sorted(wanted - alive), current)
    if unseen := sorted(alive - wanted - put.seen):
        raise _moved(unit, put.name, unseen, "added", current)
    removed = unit.objects.named(Kind.GRANTS, alive - wanted)
    for grant in removed.values():
        check_stack(grant, principal)
    return [removed[name] for name in sorted(removed)]


def _check_wanted(unit: UnitOfWork, agent: str, missing: Sequence[str], current: int | None) -> None:
    foreign = [name for name in missing if name.partition("/")[0] != agent]
    if foreign:
        raise InvalidBody([FieldError("grants", f"`{foreign[0]}` is no grant of agent `{agent}`")])
    for name in missing:
        if unit.versions.last_revision(Kind.GRANTS, name) == 0:
            raise unknown(unit, Reference("grants", Kind.GRANTS, name))
    if missing:
        raise _moved(unit, agent, missing, "removed", current)


def _moved(unit: UnitOfWork, agent: str, names: Sequence[str], verb: str, current: int | None) -> PreconditionFailed:
    since = [_last(unit, name) for name in names[:_SHOWN]]
    told = ", ".join(f"`{n}` {verb} by {r.by} at {r.at}" for n, r in zip(names, since, strict=False))
    return PreconditionFailed(
        f"grants of agent `{agent}` changed since the plan: {told}", current_revision=current, since=since
    )


def _last(unit: UnitOfWork, name: str) -> Revised:
    last = unit.versions.last_revision(Kind.GRANTS, name)
    version = unit.versions.since(Kind.GRANTS, name, last)[-1]
    return Revised(version.revision, version.by, rfc3339(version.at), version.operation)
