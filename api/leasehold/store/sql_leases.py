"""Leases and first uses in SQL. Both run inside the transaction of the connection they are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, select
from sqlmodel import SQLModel

from leasehold.model.leases import Ancestor, Lease, Node, lease_node
from leasehold.model.status import StatusPlace
from leasehold.store.bulk import BulkInsert, Spelled, listed
from leasehold.store.bumps import ENDED_GENERATION, Bumps
from leasehold.store.lease_rows import LeaseRow, ReplayRow, from_micros, to_micros

_LEASES = SQLModel.metadata.tables[str(LeaseRow.__tablename__)]
_REPLAYS = SQLModel.metadata.tables[str(ReplayRow.__tablename__)]
_INSERT = BulkInsert(_LEASES)
_FIND = select(_LEASES).where(_LEASES.c.id.in_(bindparam("ids", expanding=True)))
_REVOKE = Spelled("UPDATE leases SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
_CHUNK = 500  # bound parameters per statement stay below SQLite's limit of 32,766
_USE = Spelled(
    "INSERT INTO replays (issuer, digest, expires_at)"
    " SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)"
    " WHERE true ON CONFLICT DO NOTHING RETURNING issuer, digest",
    "INSERT INTO replays (issuer, digest, expires_at)"
    " SELECT use->>0, use->>1, (use->>2)::bigint FROM jsonb_array_elements(%s) AS use"
    " ON CONFLICT DO NOTHING RETURNING issuer, digest",
)


class SqlLeases:
    """Leases by id. What ends one is on its way into the revocation stream."""

    def __init__(self, connection: Connection, bumps: Bumps) -> None:
        self._connection = connection
        self._bumps = bumps

    def add(self, lease: Lease) -> None:
        """Remember a lease. Its id must be new."""
        self.add_all((lease,))

    def add_all(self, leases: Sequence[Lease]) -> None:
        """Remember leases, all with one statement."""
        if leases:
            _INSERT(self._connection, [_to_row(lease) for lease in leases])

    def find(self, lease_id: str) -> Lease | None:
        """The lease with this id."""
        return self.find_all((lease_id,)).get(lease_id)

    def find_all(self, lease_ids: Iterable[str]) -> Mapping[str, Lease]:
        """Those of `lease_ids` that exist, by id."""
        wanted = sorted(set(lease_ids))
        found: dict[str, Lease] = {}
        for at in range(0, len(wanted), _CHUNK):
            rows = self._connection.execute(_FIND, {"ids": wanted[at : at + _CHUNK]})
            found |= {row.id: _to_lease(row) for row in rows}
        return found

    def on_status_list(self, list_id: str, at: datetime) -> Sequence[Lease]:
        """Leases with a place in a status list that are not expired at `at`."""
        placed = (_LEASES.c.status_list == list_id) & (_LEASES.c.expires_at > to_micros(at))
        return [_to_lease(row) for row in self._connection.execute(select(_LEASES).where(placed))]

    def revoke(self, lease_id: str, at: datetime) -> None:
        """End a lease. The first revocation counts; an unknown lease is none of our business (RFC 7009 §2.2)."""
        if _REVOKE.count(self._connection, to_micros(at), lease_id):
            self._bumps.add(lease_node(lease_id), ENDED_GENERATION)

    def forget(self, before: datetime) -> int:
        """Drop leases that expired before `before`; how many."""
        return self._connection.execute(delete(_LEASES).where(_LEASES.c.expires_at < to_micros(before))).rowcount


class SqlReplays:
    """Which subject tokens were used. The primary key decides races, within the issuing transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def first_use(self, issuer: str, digest: str, expires_at: datetime) -> bool:
        """True iff this is the first use; remembered until `expires_at`, the token's expiry plus leeway."""
        return bool(self.first_uses({(issuer, digest): expires_at}))

    def first_uses(self, uses: Mapping[tuple[str, str], datetime]) -> frozenset[tuple[str, str]]:
        """Those of `uses`, by issuer and digest, that are the first; all with one statement."""
        # In one order everywhere: two replicas that share tokens could otherwise wait for each other.
        rows = [(issuer, digest, to_micros(uses[issuer, digest])) for issuer, digest in sorted(uses)]
        if not rows:
            return frozenset()
        return frozenset((issuer, digest) for issuer, digest in _USE.rows(self._connection, listed(rows)))

    def forget(self, before: datetime) -> int:
        """Drop uses whose token can no longer be presented; how many."""
        return self._connection.execute(delete(_REPLAYS).where(_REPLAYS.c.expires_at < to_micros(before))).rowcount


def _to_row(lease: Lease) -> dict[str, object]:
    return {
        "id": lease.id,
        "subject": lease.subject,
        "agent": lease.agent,
        "deployment": lease.deployment,
        "binding": lease.binding,
        "audience": lease.audience,
        "scopes": sorted(lease.scopes),
        "ancestors": [[a.node, a.generation] for a in lease.ancestors],
        "token_sha256": lease.token_sha256,
        "issued_at": to_micros(lease.issued_at),
        "expires_at": to_micros(lease.expires_at),
        "revoked_at": to_micros(lease.revoked_at) if lease.revoked_at is not None else None,
        "parent": lease.parent,
        "task": lease.task,
        "status_list": lease.status.list if lease.status is not None else None,
        "status_index": lease.status.index if lease.status is not None else None,
    }


def _to_lease(row: Row[Any]) -> Lease:  # Any: SQLAlchemy types the columns of a reflected table no further
    return Lease(
        id=row.id,
        subject=row.subject,
        agent=row.agent,
        deployment=row.deployment,
        binding=row.binding,
        audience=row.audience,
        scopes=frozenset(row.scopes),
        ancestors=tuple(Ancestor(Node(node), generation) for node, generation in row.ancestors),
        token_sha256=row.token_sha256,
        issued_at=from_micros(row.issued_at),
        expires_at=from_micros(row.expires_at),
        revoked_at=from_micros(row.revoked_at) if row.revoked_at is not None else None,
        parent=row.parent,
        task=row.task,
        status=StatusPlace(row.status_list, row.status_index) if row.status_list is not None else None,
    )
