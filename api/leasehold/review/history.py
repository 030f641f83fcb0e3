"""What the pure part of this room asks for beside objects: how they came to be as they are, and who uses what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from leasehold.model.calls import CallUses
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.records import AuditRecord, Version


class History(Protocol):
    """Every revision of an object, lowest first; `revision` itself included."""

    def since(self, kind: Kind, name: str, revision: int) -> Sequence[Version]: ...
    def histories(self, keys: Iterable[tuple[Kind, str]]) -> Mapping[tuple[Kind, str], Sequence[Version]]: ...


class Evidence(Protocol):
    """What the audit log and the leases tell. `done` are the events of what succeeded, by the kind and name of objects.

    `uses` are the tokens that agents took since then; `live` are the leases that live now, by what they carry; `calls`
    are those of the newest calls that went through the gateway since then.
    """

    def done(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[AuditRecord]]: ...
    def uses(self, agents: Iterable[str], since: datetime) -> Sequence[LeaseUse]: ...
    def live(self, agents: Iterable[str], now: datetime) -> Sequence[LeaseUse]: ...
    def calls(self, since: datetime) -> CallUses: ...


class NoEvidence:
    """Nothing is on record."""

    def done(self, _keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[AuditRecord]]:
        """No events."""
        return {}

    def uses(self, _agents: Iterable[str], _since: datetime) -> Sequence[LeaseUse]:
        """No uses."""
        return ()

    def live(self, _agents: Iterable[str], _now: datetime) -> Sequence[LeaseUse]:
        """No leases."""
        return ()

    def calls(self, since: datetime) -> CallUses:
        """No calls."""
        return CallUses((), since)
