"""What a review needs of the world: a look at the registry, at one instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.calls import CallUses
from leasehold.model.connections import Connection, Promotion
from leasehold.model.credentials import CredentialProfile
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.objects import Spec, Stored
from leasehold.model.observations import Observation
from leasehold.model.outside import Baseline, Footprint, Look, Trace
from leasehold.model.records import EVERYTHING, AuditRecord, Filters
from leasehold.model.registrations import RegisteredClient
from leasehold.policy.decision import Permit
from leasehold.policy.replaying import Foreseen, Recount
from leasehold.review.history import History


class Objects(Protocol):
    """The live objects."""

    def find(self, kind: Kind, name: str) -> Stored[Spec] | None: ...
    def list(
        self, kind: Kind, *, after: str = "", limit: int | None = None, filters: Filters = EVERYTHING
    ) -> Sequence[Stored[Spec]]: ...


class Changes(Protocol):
    """The sequence of committed writes."""

    def latest(self) -> int: ...


class AuditLog(Protocol):
    """Events of what succeeded, by the kind and name of what they are about, newest first."""

    def done(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[AuditRecord]]: ...
    def calls(self, since: datetime, limit: int) -> CallUses: ...


class LeaseUses(Protocol):
    """Who takes leases for what."""

    def taken(self, agents: Iterable[str], since: datetime) -> Sequence[LeaseUse]: ...
    def live(self, agents: Iterable[str], now: datetime) -> Sequence[LeaseUse]: ...


class Baselines(Protocol):
    """What credential profiles pointed to when they were applied."""

    def find_all(self, profiles: Iterable[str]) -> Mapping[str, Baseline]: ...


class Observations(Protocol):
    """What tool servers were seen to show."""

    def latest(self, servers: Iterable[str]) -> Mapping[str, Observation]: ...


class Promotions(Protocol):
    """Which agent may use which shared connection."""

    def every(self) -> Sequence[Promotion]: ...


class Connections(Protocol):
    """What the organisation has at tool servers, without its secrets."""

    def shared(self) -> Sequence[Connection]: ...


class Registrations(Protocol):
    """Clients that registered themselves."""

    def every(self) -> Sequence[RegisteredClient]: ...


class View(Protocol):
    """One read-only transaction."""

    @property
    def objects(self) -> Objects: ...
    @property
    def changes(self) -> Changes: ...
    @property
    def versions(self) -> History: ...
    @property
    def audit(self) -> AuditLog: ...
    @property
    def lease_uses(self) -> LeaseUses: ...
    @property
    def baselines(self) -> Baselines: ...
    @property
    def observations(self) -> Observations: ...
    @property
    def promotions(self) -> Promotions: ...
    @property
    def connections(self) -> Connections: ...
    @property
    def registrations(self) -> Registrations: ...


class Observer(Protocol):
    """Looks at what credential profiles point to, each within seconds. Never raises: a look can fail, and says so."""

    def look(self, profiles: Mapping[str, CredentialProfile], now: datetime) -> Mapping[str, Look]: ...
    def trace(self, profiles: Mapping[str, tuple[CredentialProfile, Footprint]], /) -> Mapping[str, Trace]: ...


class Recalled(Protocol):
    """Decisions on record, to be made again."""

    def recount(self, was: Foreseen, now: Foreseen) -> Recount: ...


class Recollection(Protocol):
    """Recalls the newest decisions for somebody who may have them explained. Raises `Unavailable`."""

    def recall(self, permit: Permit, limit: int, /) -> Recalled: ...


class Store(Protocol):
    """Opens views. Raises `Unavailable`."""

    def read(self) -> AbstractContextManager[View]: ...
