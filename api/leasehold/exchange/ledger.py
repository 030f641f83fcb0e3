"""The writing side: leases, first uses and audit events, many callers to one durable transaction.

INVARIANT: what an entry asks for happens in one transaction with its audit event, or not at all. No audit, no token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TypeAlias, assert_never

from leasehold.exchange.batches import Batches
from leasehold.exchange.ports import Store, UnitOfWork
from leasehold.exchange.refusals import ExchangeReason
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import Lease, Node
from leasehold.model.tokens import LEEWAY
from leasehold.policy.leasing import EndPermit, LeasePermit

FORGET_EVERY = timedelta(minutes=1)
LEASES_KEPT = timedelta(days=1)  # an expired lease is inactive with or without its row


class Written(Enum):
    """What became of an entry."""

    DONE = auto()
    STALE = auto()
    REPLAYED = auto()


@dataclass(frozen=True, slots=True)
class FirstUse:
    """A subject token that must not have been used before. `expires_at` is the token's own expiry."""

    issuer: str
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Write this lease, if the world is still as it was decided on.

    `generations` are those that the decision read. `sequence`, unless None, is the change that it had seen last.
    """

    permit: LeasePermit
    lease: Lease
    generations: Mapping[Node, int]
    sequence: int | None
    first_use: FirstUse | None
    event: AuditEvent


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


PermittedEntry: TypeAlias = Issue | End | Note | Root


class Ledger:
    """Takes entries from any number of callers, and drops what no check can need any more."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batches = Batches("ledger", self._commit)
        self._forgot_at: datetime | None = None

    async def write(self, entry: PermittedEntry) -> Written:
        """Write an entry; durable when this returns. Raises `Unavailable`."""
        return await self._batches.submit(entry)

    def close(self) -> None:
        """Finish what waits."""
        self._batches.close()

    def _commit(self, entries: Sequence[PermittedEntry]) -> Sequence[Written]:
        now = max((entry.event.at for entry in entries if not isinstance(entry, Root)), default=None)
        due = now is not None and (self._forgot_at is None or now - self._forgot_at >= FORGET_EVERY)
        with self._store.begin() as unit:
            if due and now is not None:
                _forget(unit, now)
            written = write_all(unit, entries)
        if due:
            self._forgot_at = now
        return written


def write_all(unit: UnitOfWork, entries: Sequence[PermittedEntry]) -> list[Written]:
    """Write entries in one transaction; what became of each."""
    issues = [entry for entry in entries if isinstance(entry, Issue)]
    # INVARIANT: generations are read inside the issuing transaction. A destroy that committed is seen here; one that
    # commits later makes the lease, which carries the generation of before, dead at its first check.
    generations = unit.nodes.generations({node for issue in issues for node in issue.generations})
    latest = unit.changes.latest() if any(issue.sequence is not None for issue in issues) else None
    leases: list[Lease] = []
    written = [_write(unit, entry, generations, latest, leases) for entry in entries]
    unit.leases.add_all(leases)
    return written


def _write(
    unit: UnitOfWork,
    entry: PermittedEntry,
    generations: Mapping[Node, int],
    latest: int | None,
    leases: list[Lease],
) -> Written:
    match entry:
        case Issue():
            return _issue(unit, entry, generations, latest, leases)
        case End(permit, event):
            unit.leases.revoke(permit.lease_id, event.at)
            unit.audit.append(event)
        case Note(event):
            unit.audit.append(event)
        case Root(nodes):
            for node in nodes:
                unit.nodes.ensure(node)
        case _:  # pragma: no cover  mypy proves that nothing comes here
            assert_never(entry)
    return Written.DONE


def _issue(
    unit: UnitOfWork, issue: Issue, generations: Mapping[Node, int], latest: int | None, leases: list[Lease]
) -> Written:
    moved = any(generations.get(node) != generation for node, generation in issue.generations.items())
    if moved or (issue.sequence is not None and issue.sequence != latest):
        return Written.STALE
    if issue.first_use is not None and not _is_first(unit, issue.first_use):
        reason = ExchangeReason.REPLAYED.value
        unit.audit.append(replace(issue.event, outcome=Outcome.DENIED, reason=reason, name=""))
        return Written.REPLAYED
    leases.append(issue.lease)
    unit.audit.append(issue.event)
    return Written.DONE


def _forget(unit: UnitOfWork, now: datetime) -> None:
    unit.replays.forget(now)
    unit.leases.forget(now - LEASES_KEPT)


def _is_first(unit: UnitOfWork, use: FirstUse) -> bool:
    # A replica whose clock runs behind ours may take the token for that much longer.
    return unit.replays.first_use(use.issuer, use.digest, use.expires_at + LEEWAY)
