"""Searching the trail in SQL: by what was taken out of events when they were sealed; writing them costs nothing for it.

An event that has no place yet is looked at as it is; there are few of them, of the last second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from leasehold.model.trail.queries import Facets, Found, Place, TrailQuery, facets_of, matches
from leasehold.store.lease_rows import to_micros
from leasehold.store.sql_history import to_record
from leasehold.store.tables import AUDIT, SEALS, WITHOUT_PLACE
from leasehold.store.trail_rows import FACETS

_UNSEALED = 10_000
ABOUT = tuple(SEALS.c[name] for name in FACETS if name != "kind")
"""What a search is by, kept beside the place of an event."""
_Conditions = list[ColumnElement[bool]]


def search(connection: Connection, query: TrailQuery, before: Place | None, limit: int) -> Sequence[Found]:
    """At most `limit` events, newest first, from the first one behind `before`."""
    if query.kind is not None and query.name is not None:  # of one object: found by the event's own index
        return _found(connection, _of_object(query, before, limit))
    sealed = _found(connection, sealed_events(query, before, limit))
    waiting = [one for one in _waiting(connection, query) if before is None or one.place < before]
    return sorted([*sealed, *waiting], key=lambda one: one.place, reverse=True)[:limit]


def facet_values(facets: Facets) -> dict[str, str | None]:
    """The facets by the names of their columns."""
    return {
        "agent": facets.agent,
        "on_behalf": facets.user,
        "owner": facets.owner,
        "tool": facets.tool,
        "lease": facets.lease,
        "deployment": facets.deployment,
    }


def row_facets(row: Any) -> Facets:  # Any: SQLAlchemy types the columns of a table no further
    """The facets of a row of `audit_seals`."""
    return Facets(
        agent=row.agent,
        user=row.on_behalf,
        owner=row.owner,
        tool=row.tool,
        lease=row.lease,
        deployment=row.deployment,
    )


def _found(connection: Connection, wanted: Select[Any]) -> list[Found]:
    return [_of_row(row) for row in connection.execute(wanted)]


def _of_row(row: Any) -> Found:  # Any: as above
    record = to_record(row)
    return Found(record, row.position, row_facets(row) if row.position is not None else facets_of(record.event))


def sealed_events(query: TrailQuery, before: Place | None, limit: int) -> Select[Any]:
    """Those that have a place, by what was taken out of them at sealing."""
    s = SEALS.c
    asked = {"kind": query.kind, **facet_values(query.facets)}
    conditions: _Conditions = [s[name] == value for name, value in asked.items() if value is not None]
    conditions += [s.at >= to_micros(query.since)] if query.since is not None else []
    conditions += [s.at < to_micros(query.until)] if query.until is not None else []
    if before is not None:
        micros = to_micros(before.at)
        conditions.append(s.at <= micros)  # spelled so that an index on the time is of use
        conditions.append(or_(s.at < micros, s.sequence < before.sequence))
    joined = SEALS.join(AUDIT, AUDIT.c.sequence == s.sequence)
    wanted = select(s.position, *ABOUT, *AUDIT.c).select_from(joined).where(*conditions, *_said(query))
    return wanted.order_by(s.at.desc(), s.sequence.desc()).limit(limit)


def _of_object(query: TrailQuery, before: Place | None, limit: int) -> Select[Any]:
    a, s = AUDIT.c, SEALS.c
    conditions: _Conditions = [a.kind == query.kind, a.name == query.name, *_said(query)]
    conditions += [s[name] == value for name, value in facet_values(query.facets).items() if value is not None]
    conditions += [a.at >= query.since] if query.since is not None else []
    conditions += [a.at < query.until] if query.until is not None else []
    if before is not None:
        conditions.append(or_(a.at < before.at, and_(a.at == before.at, a.sequence < before.sequence)))
    joined = AUDIT.outerjoin(SEALS, a.sequence == s.sequence)
    wanted = select(s.position, *ABOUT, *AUDIT.c).select_from(joined).where(*conditions)
    return wanted.order_by(a.at.desc(), a.sequence.desc()).limit(limit)


def _said(query: TrailQuery) -> _Conditions:
    """What is asked of the event itself."""
    a = AUDIT.c
    asked = ((a.name, query.name), (a.action, query.action), (a.principal, query.principal))
    conditions: _Conditions = [column == value for column, value in asked if value is not None]
    conditions += [a.outcome == query.outcome.value] if query.outcome is not None else []
    if query.text is not None:
        text = query.text.lower()
        places = (a.principal, a.name, a.reason, a.detail)
        conditions.append(or_(*(func.lower(place).contains(text, autoescape=True) for place in places)))
    return conditions


def _waiting(connection: Connection, query: TrailQuery) -> list[Found]:
    wanted = select(AUDIT).where(WITHOUT_PLACE).order_by(AUDIT.c.sequence.desc()).limit(_UNSEALED)
    records = (to_record(row) for row in connection.execute(wanted))
    found = (Found(record, None, facets_of(record.event)) for record in records)
    return [one for one in found if matches(query, one.record.event, one.about)]
