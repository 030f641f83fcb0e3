"""The live objects in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select

from leasehold.model.directory import ForeignId, Relation, identities
from leasehold.model.errors import NotFound
from leasehold.model.kinds import Kind
from leasehold.model.objects import Reference, Spec, Stored, agent_of
from leasehold.model.records import EVERYTHING, Filters
from leasehold.store.specs import decode, encode
from leasehold.store.tables import IDENTITIES, OBJECTS, REFERENCES, RELATIONS, upsert

_AT_ONCE = 5000  # names in one statement: SQLite binds 32,766 values, PostgreSQL 65,535
_IDENTIFIED = frozenset({Kind.USERS, Kind.RESOURCES})
_O = OBJECTS.c


class SqlObjects:
    """`Objects` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, kind: Kind, name: str) -> Stored[Spec]:
        """The live object. Raises `NotFound`."""
        if (found := self.find(kind, name)) is None:
            raise NotFound(kind.singular, name)
        return found

    def find(self, kind: Kind, name: str) -> Stored[Spec] | None:
        """The live object, or None."""
        row = self._connection.execute(select(OBJECTS).where(_O.kind == kind.value, _O.name == name)).one_or_none()
        return _stored(row) if row is not None else None

    def list(
        self, kind: Kind, *, after: str = "", limit: int | None = None, filters: Filters = EVERYTHING
    ) -> Sequence[Stored[Spec]]:
        """Objects in the order of their names, from the first one behind `after`."""
        wanted = select(OBJECTS).where(_O.kind == kind.value, _O.name > after).order_by(_O.name)
        if limit is not None:
            return [_stored(row) for row in self._matching(wanted, filters, limit)]
        return [_stored(row) for row in self._matching(wanted, filters)]

    def named(self, kind: Kind, names: Iterable[str]) -> Mapping[str, Stored[Spec]]:
        """Those of `names` that live."""
        wanted = select(OBJECTS).where(_O.kind == kind.value)
        rows = (
            row for part in _parts(names) for row in self._connection.execute(wanted.where(_O.name.in_(part))).all()
        )
        return {row.name: _stored(row) for row in rows}

    def names(self, kind: Kind, filters: Filters = EVERYTHING) -> Sequence[str]:
        """The names of all objects of a kind, in order."""
        wanted = select(_O.name).where(_O.kind == kind.value).order_by(_O.name)
        return [row.name for row in self._matching(wanted, filters)]

    def put(self, stored: Stored[Spec], refers_to: Iterable[Reference]) -> None:
        """Create or overwrite an object, and what it refers to."""
        upsert(self._connection, OBJECTS, _columns(stored))
        self._forget_references(stored.kind, stored.name)
        self._forget_entity(stored.kind, stored.name)
        self._put_entity(stored)
        targets = sorted({(r.kind.value, r.name) for r in refers_to})
        if targets:
            own = {"kind": stored.kind.value, "name": stored.name}
            self._connection.execute(
                insert(REFERENCES), [{**own, "to_kind": kind, "to_name": name} for kind, name in targets]
            )

    def delete(self, kind: Kind, name: str) -> None:
        """Forget an object; its versions stay."""
        self._forget_references(kind, name)
        self._forget_entity(kind, name)
        self._connection.execute(delete(OBJECTS).where(_O.kind == kind.value, _O.name == name))

    def referrers(self, kind: Kind, name: str) -> Sequence[tuple[Kind, str]]:
        """Who refers to an object, in order."""
        r = REFERENCES.c
        wanted = select(r.kind, r.name).where(r.to_kind == kind.value, r.to_name == name).order_by(r.kind, r.name)
        return [(Kind(row.kind), row.name) for row in self._connection.execute(wanted)]

    def bearer(self, kind: Kind, identity: ForeignId) -> str | None:
        """The name of the object of a kind that bears a foreign identity."""
        i = IDENTITIES.c
        wanted = select(i.name).where(i.kind == kind.value, i.type == identity.type, i.id == identity.id)
        return self._connection.execute(wanted).scalar_one_or_none()

    def expired(self, kind: Kind, now: datetime) -> int:
        """How many objects of a kind have passed their expiry."""
        wanted = select(func.count()).select_from(OBJECTS).where(_O.kind == kind.value, _O.expires_at <= now)
        return int(self._connection.execute(wanted).scalar_one())

    def _matching(self, wanted: Select[Any], filters: Filters, limit: int | None = None) -> Iterator[Row[Any]]:
        for clause in _clauses(filters):
            wanted = wanted.where(clause)
        if filters.agents is None:
            yield from self._connection.execute(wanted.limit(limit))
            return
        found = [
            row
            for part in _parts(filters.agents)
            for row in self._connection.execute(wanted.where(_O.agent.in_(part)).limit(limit))
        ]
        yield from sorted(found, key=lambda row: str(row.name))[:limit]

    def _put_entity(self, stored: Stored[Spec]) -> None:
        own = {"kind": stored.kind.value, "name": stored.name}
        if rows := [{**own, "type": one.type, "id": one.id} for one in identities(stored.spec)]:
            self._connection.execute(insert(IDENTITIES), rows)
        if isinstance(spec := stored.spec, Relation):
            row = {"name": stored.name, "subject": spec.subject, "relation": spec.relation, "object": spec.object}
            self._connection.execute(insert(RELATIONS), [row])

    def _forget_entity(self, kind: Kind, name: str) -> None:
        if kind in _IDENTIFIED:
            i = IDENTITIES.c
            self._connection.execute(delete(IDENTITIES).where(i.kind == kind.value, i.name == name))
        if kind is Kind.RELATIONS:
            self._connection.execute(delete(RELATIONS).where(RELATIONS.c.name == name))

    def _forget_references(self, kind: Kind, name: str) -> None:
        r = REFERENCES.c
        self._connection.execute(delete(REFERENCES).where(r.kind == kind.value, r.name == name))


def _clauses(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.stack is not None:
        yield _O.stack == filters.stack
    if filters.managed is not None:
        yield _O.stack.is_not(None) if filters.managed else _O.stack.is_(None)
    if filters.tuple:
        ends = [RELATIONS.c[name] == value for name, value in filters.tuple.items()]
        yield _O.kind == Kind.RELATIONS.value
        yield _O.name.in_(select(RELATIONS.c.name).where(*ends))


def _parts(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    yield from (ordered[at : at + _AT_ONCE] for at in range(0, len(ordered), _AT_ONCE))


def _columns(stored: Stored[Spec]) -> dict[str, object]:
    return {
        "kind": stored.kind.value,
        "name": stored.name,
        "revision": stored.revision,
        "spec": encode(stored.spec),
        "stack": stored.stack,
        "agent": agent_of(stored.name, stored.spec),
        "expires_at": getattr(stored.spec, "expires_at", None),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "updated_by": stored.updated_by,
    }


def _stored(row: Row[Any]) -> Stored[Spec]:
    return Stored(
        kind=Kind(row.kind),
        name=row.name,
        revision=row.revision,
        spec=decode(row.kind, row.spec),
        stack=row.stack,
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )
