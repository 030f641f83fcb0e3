"""Credentials handed out, in SQL, inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update
from sqlmodel import SQLModel

from leasehold.model.credentials import CredentialProfile
from leasehold.model.external import (
    EVERY_CREDENTIAL,
    CredentialFilters,
    CredentialState,
    Ending,
    ExternalCredential,
    Sealed,
)
from leasehold.model.kinds import Kind
from leasehold.model.leases import Ancestor, Node
from leasehold.store.credential_rows import CredentialRow
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.specs import decode, encode

_TABLE = SQLModel.metadata.tables[str(CredentialRow.__tablename__)]
_C = _TABLE.c


class SqlCredentials:
    """Credentials by id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, credential: ExternalCredential) -> None:
        """Remember a credential. Its id must be new."""
        self._connection.execute(insert(_TABLE), _to_row(credential))

    def replace(self, credential: ExternalCredential) -> None:
        """Remember a credential as it is now."""
        row = _to_row(credential)
        self._connection.execute(update(_TABLE).where(_C.id == row.pop("id")).values(row))

    def find(self, credential_id: str) -> ExternalCredential | None:
        """The credential with this id."""
        row = self._connection.execute(select(_TABLE).where(_C.id == credential_id)).first()
        return _to_credential(row) if row is not None else None

    def due(self, states: frozenset[CredentialState], now: datetime, limit: int) -> Sequence[ExternalCredential]:
        """Credentials in these states whose next look is due, the longest due first."""
        wanted = _C.state.in_(sorted(states)) & (_C.next_attempt_at <= to_micros(now))
        statement = select(_TABLE).where(wanted).order_by(_C.next_attempt_at, _C.id).limit(limit)
        return [_to_credential(row) for row in self._connection.execute(statement)]

    def list(
        self, *, after: str = "", limit: int, filters: CredentialFilters = EVERY_CREDENTIAL
    ) -> Sequence[ExternalCredential]:
        """Credentials in the order of their ids."""
        statement = select(_TABLE).where(_C.id > after, *_conditions(filters)).order_by(_C.id).limit(limit)
        return [_to_credential(row) for row in self._connection.execute(statement)]

    def forget(self, before: datetime) -> int:
        """Drop credentials of which nothing is left and that were dead before `before`; how many."""
        gone = (_C.state == CredentialState.CLEARED.value) & (_C.live_until < to_micros(before))
        return self._connection.execute(delete(_TABLE).where(gone)).rowcount


def _conditions(filters: CredentialFilters) -> list[ColumnElement[bool]]:
    asked = [(_C.agent, filters.agent), (_C.profile, filters.profile), (_C.lease, filters.lease)]
    conditions = [column == value for column, value in asked if value is not None]
    return conditions if filters.states is None else [*conditions, _C.state.in_(sorted(filters.states))]


def _to_row(one: ExternalCredential) -> dict[str, Any]:  # Any: columns of every type
    return {
        "id": one.id,
        "lease": one.lease,
        "agent": one.agent,
        "profile": one.profile,
        "spec": encode(one.spec),
        "reference": one.reference,
        "ending": one.ending.value,
        "ancestors": [[a.node, a.generation] for a in one.ancestors],
        "issued_at": to_micros(one.issued_at),
        "lease_expires_at": to_micros(one.lease_expires_at),
        "live_until": to_micros(one.live_until),
        "state": one.state.value,
        "sealed": one.sealed,
        "attempts": one.attempts,
        "next_attempt_at": to_micros(one.next_attempt_at),
        "problem": one.problem,
    }


def _to_credential(row: Row[Any]) -> ExternalCredential:  # Any: as for leases
    return ExternalCredential(
        id=row.id,
        lease=row.lease,
        agent=row.agent,
        profile=row.profile,
        spec=cast("CredentialProfile", decode(Kind.CREDENTIAL_PROFILES.value, row.spec)),
        reference=row.reference,
        ending=Ending(row.ending),
        ancestors=tuple(Ancestor(Node(node), generation) for node, generation in row.ancestors),
        issued_at=from_micros(row.issued_at),
        lease_expires_at=from_micros(row.lease_expires_at),
        live_until=from_micros(row.live_until),
        state=CredentialState(row.state),
        sealed=Sealed(row.sealed) if row.sealed is not None else None,
        attempts=row.attempts,
        next_attempt_at=from_micros(row.next_attempt_at),
        problem=row.problem,
    )
