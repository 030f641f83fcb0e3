"""The writing side: leases, first uses and audit events, many callers to one durable transaction.

INVARIANT: what an entry asks for happens in one transaction with its audit event, or not at all. No audit, no token.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TypeAlias, assert_never

from leasehold.exchange.batches import Batches
from leasehold.exchange.ports import Store, UnitOfWork
from leasehold.exchange.refusals import ExchangeReason
from leasehold.model.consents import Pending, Stage
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leaps import Leaps
from leasehold.model.leases import Lease, Node, lease_node, task_node
from leasehold.model.possession import FirstUse
from leasehold.model.tasks import Task
from leasehold.model.tokens import LEEWAY
from leasehold.policy.leasing import EndPermit, LeasePermit
from leasehold.policy.tasks import TaskPermit

FORGET_EVERY = timedelta(minutes=1)
LEASES_KEPT = timedelta(days=1)  # an expired lease is inactive with or without its row
USES_KEPT = timedelta(days=90)  # how often something was used, and when last, tells who needs it


class Written(Enum):
    """What became of an entry."""

    DONE = auto()
    STALE = auto()
    REPLAYED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Write this lease, if the world is still as it was decided on.

    `generations` are those that the decision read. `sequence`, unless None, is the change that it had seen last.
    `spent` is the digest of the refresh token that is used up, `following` what is kept of the next.
    """

    permit: LeasePermit
    lease: Lease
    generations: Mapping[Node, int]
    sequence: int | None
    first_uses: tuple[FirstUse, ...]
    event: AuditEvent
    spent: str | None = None
    following: Pending | None = None


@dataclass(frozen=True, slots=True)
class End:
    """End a lease."""

    permit: EndPermit
    event: AuditEvent


@dataclass(frozen=True, slots=True)
class Note:
    """Remember that something was refused."""

    event: AuditEvent


@dataclass(frozen=True, slots=True)
class Root:
    """Give nodes that were never written their first generation, so that leases can hang on them."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """Open a task, unless somebody did."""

    permit: TaskPermit
    task: Task


PermittedEntry: TypeAlias = Issue | End | Note | Root | Open


class Ledger:
    """Takes entries from any number of callers, and drops what no check can need any more."""

    def __init__(self, store: Store, steady: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._batches = Batches("ledger", self._commit)
        self._leaps = Leaps(steady)
        self._forgot_at: datetime | None = None

    async def write(self, entry: PermittedEntry) -> Written:
        """Write an entry; durable when this returns. Raises `Unavailable`."""
        return await self._batches.submit(entry)

    def close(self) -> None:
        """Finish what waits."""
        self._batches.close()

    def _commit(self, entries: Sequence[PermittedEntry]) -> Sequence[Written]:
        latest = max((entry.event.at for entry in entries if not isinstance(entry, Root | Open)), default=None)
        now = self._leaps.believed(latest) if latest is not None else None
        due = now is not None and (self._forgot_at is None or now - self._forgot_at >= FORGET_EVERY)
        with self._store.begin() as unit:
            if due and now is not None:
                _forget(unit, now)
            written = write_all(unit, entries)
        if due:
            self._forgot_at = now
        return written


def write_all(unit: UnitOfWork, entries: Sequence[PermittedEntry]) -> list[Written]:
    """Write entries in one transaction, few statements for all of them; what became of each."""
    issues = [entry for entry in entries if isinstance(entry, Issue)]
    fates = _fates(unit, issues)
    unit.leases.add_all([issue.lease for issue, fate in zip(issues, fates, strict=True) if fate is Written.DONE])
    following, events = iter(fates), list[AuditEvent]()
    written = [_write(unit, entry, following, events) for entry in entries]
    unit.audit.append_all(events)
    return written


def _fates(unit: UnitOfWork, issues: Sequence[Issue]) -> list[Written]:
    """What becomes of each issue. Where it is `DONE`, its subject token is used up now."""
    if not issues:
        return []
    # INVARIANT: generations are read inside the issuing transaction. A destroy that committed is seen here; one that
    # commits later makes the lease, which carries the generation of before, dead at its first check.
    generations = unit.nodes.generations({node for issue in issues for node in issue.generations})
    latest = unit.changes.latest() if any(issue.sequence is not None for issue in issues) else None
    fates = [Written.STALE if _is_stale(issue, generations, latest) else Written.DONE for issue in issues]
    going = [use for issue, fate in zip(issues, fates, strict=True) if fate is Written.DONE for use in issue.first_uses]
    # A replica whose clock runs behind ours may take a token for that much longer.
    uses = {(use.issuer, use.digest): use.expires_at + LEEWAY for use in going}
    unused = set(unit.replays.first_uses(uses))
    for at, issue in enumerate(issues):
        keys = {(use.issuer, use.digest) for use in issue.first_uses} if fates[at] is Written.DONE else set()
        if not keys <= unused or (fates[at] is Written.DONE and not _renewed(unit, issue)):
            fates[at] = Written.REPLAYED
        unused -= keys  # of two in this very batch, the first
    return fates


def _renewed(unit: UnitOfWork, issue: Issue) -> bool:
    """That the refresh token, if there is one, was good until now; the next one is from now on."""
    if issue.spent is not None and unit.authorizations.take(issue.spent, Stage.REFRESH) is None:
        return False
    if issue.following is not None:
        unit.authorizations.add(issue.following)
    return True


def _is_stale(issue: Issue, generations: Mapping[Node, int], latest: int | None) -> bool:
    moved = any(generations.get(node, 0) != generation for node, generation in issue.generations.items())
    return moved or (issue.sequence is not None and issue.sequence != latest)


def _write(unit: UnitOfWork, entry: PermittedEntry, fates: Iterator[Written], events: list[AuditEvent]) -> Written:
    match entry:
        case Issue(event=event):
            return _record(events, event, next(fates))
        case End(permit, event):
            if permit.lease_id in unit.leases.find_all((permit.lease_id,)):
                unit.leases.revoke(permit.lease_id, event.at)
                unit.nodes.ensure(lease_node(permit.lease_id))  # what was delegated from it carries generation 0
            unit.audit.append(event)  # at once: it explains this revocation and no other
        case Note(event):
            events.append(event)
        case Root(nodes):
            for node in nodes:
                unit.nodes.ensure(node)
        case Open(task=task):
            unit.tasks.open(task)
            unit.nodes.ensure(task_node(task.id))
        case _:
            assert_never(entry)
    return Written.DONE


def _record(events: list[AuditEvent], event: AuditEvent, fate: Written) -> Written:
    if fate is Written.REPLAYED:
        event = replace(event, outcome=Outcome.DENIED, reason=ExchangeReason.REPLAYED.value, name="")
    if fate is not Written.STALE:  # it is decided anew, and recorded then
        events.append(event)
    return fate


def _forget(unit: UnitOfWork, now: datetime) -> None:
    unit.replays.forget(now)
    unit.lease_uses.count(now - LEASES_KEPT)
    unit.leases.forget(now - LEASES_KEPT)
    unit.lease_uses.forget(now - USES_KEPT)
