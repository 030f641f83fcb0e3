"""Versions, changes and audit events in SQL: what only ever grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, select, text

from leasehold.model.calls import CALLS, ENDED, CallUses, counted
from leasehold.model.events import AuditEvent, Change, Content, Origin, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.records import AuditRecord, Version
from leasehold.store.bulk import BulkInsert, Spelled
from leasehold.store.bumps import Bumps
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.specs import decode
from leasehold.store.tables import AUDIT, CHANGES, CONTENTS, SEALS, VERSIONS

_INSERT_EVENTS, _INSERT_CONTENTS = BulkInsert(AUDIT), BulkInsert(CONTENTS)
_LAST = "\U0010ffff"  # sorts behind every name
_LATEST = Spelled("SELECT max(sequence) FROM changes")
_CHUNK = 500  # bound parameters per statement stay below SQLite's limit of 32,766
_NAMES: BindParameter[str] = bindparam("names", expanding=True)
_HISTORIES = (
    select(VERSIONS)
    .where(VERSIONS.c.kind == bindparam("kind"), VERSIONS.c.name.in_(_NAMES))
    .order_by(VERSIONS.c.name, VERSIONS.c.revision)
)
_DONE = (
    select(AUDIT)
    .where(AUDIT.c.kind == bindparam("kind"), AUDIT.c.name.in_(_NAMES), AUDIT.c.outcome == Outcome.OK.value)
    .order_by(AUDIT.c.sequence.desc())
)
_S = SEALS.c
_NEWEST = (
    select(_S.sequence, _S.agent, _S.tool, _S.at)
    .where(_S.kind == CALLS, _S.at >= bindparam("since"))
    .order_by(_S.at.desc(), _S.sequence.desc())
    .limit(bindparam("limit"))
    .subquery()
)
_NEWEST_CALLS = (
    select(_NEWEST.c.agent, _NEWEST.c.tool, _NEWEST.c.at, AUDIT.c.detail.contains(f'"{ENDED}":').label("ended"))
    .select_from(_NEWEST.outerjoin(AUDIT, AUDIT.c.sequence == _NEWEST.c.sequence))
    .order_by(_NEWEST.c.at.desc(), _NEWEST.c.sequence.desc())
)
_WRITERS_LOCK = 0x4C454153_45484F4C  # "LEASEHOL": any number that only we use


class SqlVersions:
    """`Versions` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, version: Version) -> None:
        """Keep one revision for ever."""
        spec = orjson.dumps(version.spec, option=orjson.OPT_SORT_KEYS).decode() if version.spec is not None else None
        row = {
            "kind": version.kind.value,
            "name": version.name,
            "revision": version.revision,
            "operation": version.operation,
            "by": version.by,
            "at": version.at,
            "stack": version.stack,
            "spec": spec,
        }
        self._connection.execute(insert(VERSIONS), row)

    def last_revision(self, kind: Kind, name: str) -> int:
        """The highest revision that a name ever had, 0 if none."""
        v = VERSIONS.c
        wanted = select(func.max(v.revision)).where(v.kind == kind.value, v.name == name)
        return self._connection.execute(wanted).scalar_one() or 0

    def since(self, kind: Kind, name: str, revision: int) -> Sequence[Version]:
        """The revisions of a name from `revision` (itself included) to the last."""
        v = VERSIONS.c
        wanted = select(VERSIONS).where(v.kind == kind.value, v.name == name, v.revision >= revision)
        return [_to_version(row) for row in self._connection.execute(wanted.order_by(v.revision))]

    def as_of(self, kind: Kind, at: datetime, beginning: str = "") -> Mapping[str, Spec]:
        """What lived at a moment, by name; of names with this beginning."""
        v = VERSIONS.c
        wanted = select(v.name, v.revision, v.operation, v.spec).where(v.kind == kind.value, v.at <= at)
        if beginning:
            wanted = wanted.where(v.name >= beginning, v.name < beginning + _LAST)
        last = {row.name: row.spec for row in self._connection.execute(wanted.order_by(v.name, v.revision))}
        return {name: decode(kind.value, spec) for name, spec in last.items() if spec is not None}

    def histories(self, keys: Iterable[tuple[Kind, str]]) -> Mapping[tuple[Kind, str], Sequence[Version]]:
        """All revisions of several names, lowest first; a name that never lived is left out."""
        found: dict[tuple[Kind, str], list[Version]] = defaultdict(list)
        for kind, names in _chunked((kind.value, name) for kind, name in keys):
            for row in self._connection.execute(_HISTORIES, {"kind": kind, "names": names}):
                found[Kind(kind), row.name].append(_to_version(row))
        return found


def _to_version(row: Row[Any]) -> Version:  # Any: SQLAlchemy types the columns of a table no further
    return Version(
        kind=Kind(row.kind),
        name=row.name,
        revision=row.revision,
        operation=row.operation,
        by=row.by,
        at=row.at,
        stack=row.stack,
        spec=orjson.loads(row.spec) if row.spec is not None else None,
    )


def _chunked(keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Kinds with some of their names each: what one statement asks for."""
    by_kind: dict[str, set[str]] = defaultdict(set)
    for kind, name in keys:
        by_kind[kind].add(name)
    for kind, names in sorted(by_kind.items()):
        ordered = sorted(names)
        yield from ((kind, ordered[at : at + _CHUNK]) for at in range(0, len(ordered), _CHUNK))


class SqlChanges:
    """`Changes` of one transaction. The lock makes the sequence gap-free and puts registry writes in one line."""

    def __init__(self, connection: Connection, bumps: Bumps) -> None:
        self._connection = connection
        self._bumps = bumps

    def lock(self) -> None:
        """Wait for every other writer; hold until the transaction ends. SQLite's BEGIN IMMEDIATE did it already."""
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS_LOCK})

    def latest(self) -> int:
        """The sequence of the last committed change, 0 if none."""
        return int(_LATEST.one(self._connection) or 0)

    def latest_at(self, at: datetime) -> int:
        """The sequence of the last change at or before a moment, 0 if none."""
        wanted = select(func.max(CHANGES.c.sequence)).where(CHANGES.c.at <= at)
        return self._connection.execute(wanted).scalar_one() or 0

    def append(self, change: Change) -> None:
        """Add a change, which must be the next of the sequence."""
        row = {
            "sequence": change.sequence,
            "kind": change.kind,
            "name": change.name,
            "operation": change.operation,
            "revision": change.revision,
            "by": change.by,
            "at": change.at,
        }
        self._connection.execute(insert(CHANGES), row)
        self._bumps.changed = True

    def since(self, sequence: int, limit: int) -> Sequence[Change]:
        """At most `limit` changes behind `sequence`, in order."""
        wanted = select(CHANGES).where(CHANGES.c.sequence > sequence).order_by(CHANGES.c.sequence).limit(limit)
        return [Change(**row._mapping) for row in self._connection.execute(wanted)]  # noqa: SLF001  SQLAlchemy's public name


class SqlAuditLog:
    """`AuditLog` of one transaction."""

    def __init__(self, connection: Connection, bumps: Bumps) -> None:
        self._connection = connection
        self._bumps = bumps

    def append(self, event: AuditEvent) -> None:
        """Remember an event together with what it tells of."""
        self.append_all((event,))

    def append_all(self, events: Sequence[AuditEvent]) -> None:
        """Remember events, all with one statement; the first explains what was bumped before."""
        if events:
            self._bumps.explain(events[0])
            _INSERT_EVENTS(self._connection, [_event_row(event) for event in events])
            if contents := [_content_row(one.content) for one in events if one.content is not None]:
                _INSERT_CONTENTS(self._connection, contents)

    def done(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[AuditRecord]]:
        """Events of what succeeded, by the kind and name of several objects, newest first."""
        found: dict[tuple[str, str], list[AuditRecord]] = defaultdict(list)
        for kind, names in _chunked(keys):
            for row in self._connection.execute(_DONE, {"kind": kind, "names": names}):
                found[kind, row.name].append(to_record(row))
        return found

    def calls(self, since: datetime, limit: int) -> CallUses:
        """Who called what how often, of the newest `limit` calls that are on record and sealed."""
        rows = self._connection.execute(_NEWEST_CALLS, {"since": to_micros(since), "limit": limit}).all()
        ended = ((row.agent, row.tool, from_micros(row.at)) for row in rows if row.ended)
        return counted(ended, from_micros(rows[-1].at) if len(rows) == limit else since)

    def list(
        self, *, kind: str | None = None, name: str | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[AuditRecord]:
        """Events, newest first, from the first one older than `before`."""
        a = AUDIT.c
        asked = ((a.kind, kind), (a.name, name))
        wanted = select(AUDIT).where(*(column == value for column, value in asked if value is not None))
        if before is not None:
            wanted = wanted.where(a.sequence < before)
        return [to_record(row) for row in self._connection.execute(wanted.order_by(a.sequence.desc()).limit(limit))]


def to_record(row: Row[Any]) -> AuditRecord:  # Any: as above
    """The event of a row of `audit_events`."""
    event = AuditEvent(
        at=row.at,
        principal=row.principal,
        action=row.action,
        kind=row.kind,
        name=row.name,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        stack=row.stack,
        detail=orjson.loads(row.detail),
        content=Content(**orjson.loads(row.content)) if row.content is not None else None,
        origin=Origin(row.source or "", row.trace or ""),
    )
    return AuditRecord(row.sequence, event)


def _event_row(event: AuditEvent) -> dict[str, object]:
    return {
        "at": event.at,
        "principal": event.principal,
        "action": event.action,
        "kind": event.kind,
        "name": event.name,
        "outcome": event.outcome.value,
        "reason": event.reason,
        "stack": event.stack,
        "detail": orjson.dumps(dict(event.detail), option=orjson.OPT_SORT_KEYS).decode(),
        "source": event.origin.source or None,
        "trace": event.origin.trace or None,
        "content": _stands_for(event.content) if event.content is not None else None,
        "unsealed": True,
    }


def _stands_for(content: Content) -> str:
    known = {"subject": content.subject, "digest": content.digest, "commitment": content.commitment}
    return orjson.dumps(known).decode()


def _content_row(content: Content) -> dict[str, object]:
    return {"commitment": content.commitment, "subject": content.subject, "sealed": content.sealed or ""}
