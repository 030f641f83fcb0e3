"""Versions, changes and audit events in memory."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence, Sequence
from datetime import datetime
from itertools import islice

from leasehold.model.calls import CALLS, ENDED, CallUses, counted
from leasehold.model.events import AuditEvent, Change, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.records import AuditRecord, Version
from leasehold.model.trail.queries import facets_of
from leasehold.store.bumps import Bumps
from leasehold.store.specs import decode


class MemoryVersions:
    """`Versions` of one transaction."""

    def __init__(self, versions: MutableMapping[tuple[Kind, str], tuple[Version, ...]]) -> None:
        self._versions = versions

    def append(self, version: Version) -> None:
        """Keep one revision for ever."""
        key = (version.kind, version.name)
        self._versions[key] = (*self._versions.get(key, ()), version)

    def last_revision(self, kind: Kind, name: str) -> int:
        """The highest revision that a name ever had, 0 if none."""
        return max((v.revision for v in self._versions.get((kind, name), ())), default=0)

    def since(self, kind: Kind, name: str, revision: int) -> Sequence[Version]:
        """The revisions of a name from `revision` (itself included) to the last."""
        return [v for v in self._versions.get((kind, name), ()) if v.revision >= revision]

    def as_of(self, kind: Kind, at: datetime, beginning: str = "") -> Mapping[str, Spec]:
        """What lived at a moment, by name; of names with this beginning."""
        found: dict[str, Spec] = {}
        for (of_kind, name), versions in self._versions.items():
            then = [one for one in versions if one.at <= at]
            if of_kind is kind and name.startswith(beginning) and then and (spec := then[-1].spec) is not None:
                found[name] = decode(kind.value, json.dumps(spec))
        return found

    def histories(self, keys: Iterable[tuple[Kind, str]]) -> Mapping[tuple[Kind, str], Sequence[Version]]:
        """All revisions of several names, lowest first; a name that never lived is left out."""
        return {key: self._versions[key] for key in keys if key in self._versions}


class MemoryChanges:
    """`Changes` of one transaction, which is the only writer anyway."""

    def __init__(self, changes: MutableSequence[Change], bumps: Bumps) -> None:
        self._changes = changes
        self._bumps = bumps

    def lock(self) -> None:
        """Nothing: memory has one writer."""

    def latest(self) -> int:
        """The sequence of the last committed change, 0 if none."""
        return self._changes[-1].sequence if self._changes else 0

    def latest_at(self, at: datetime) -> int:
        """The sequence of the last change at or before a moment, 0 if none."""
        return max((change.sequence for change in self._changes if change.at <= at), default=0)

    def append(self, change: Change) -> None:
        """Add a change, which must be the next of the sequence."""
        self._changes.append(change)
        self._bumps.changed = True

    def since(self, sequence: int, limit: int) -> Sequence[Change]:
        """At most `limit` changes behind `sequence`, in order."""
        return [change for change in self._changes if change.sequence > sequence][:limit]


class MemoryAuditLog:
    """`AuditLog` of one transaction."""

    def __init__(
        self, events: MutableSequence[AuditEvent], bumps: Bumps, contents: MutableMapping[str, tuple[str, str]]
    ) -> None:
        self._events, self._contents = events, contents
        self._bumps = bumps

    def append(self, event: AuditEvent) -> None:
        """Remember an event together with what it tells of."""
        self.append_all((event,))

    def append_all(self, events: Sequence[AuditEvent]) -> None:
        """Remember events; the first explains what was bumped before."""
        for event in events:
            self._bumps.explain(event)
            self._events.append(event)
            if (shut := event.content) is not None:
                self._contents[shut.commitment] = (shut.subject, shut.sealed or "")

    def done(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[AuditRecord]]:
        """Events of what succeeded, by the kind and name of several objects, newest first."""
        wanted, found = frozenset(keys), defaultdict[tuple[str, str], list[AuditRecord]](list)
        for at in range(len(self._events) - 1, -1, -1) if wanted else ():
            event = self._events[at]
            if event.outcome is Outcome.OK and (event.kind, event.name) in wanted:
                found[event.kind, event.name].append(AuditRecord(at + 1, event))
        return found

    def calls(self, since: datetime, limit: int) -> CallUses:
        """Who called what how often, of the newest `limit` calls that are on record."""
        told = [one for one in self._events if one.kind == CALLS and one.at >= since]
        newest = sorted(told, key=lambda one: one.at, reverse=True)[:limit]
        ended = ((facets_of(one), one.at) for one in newest if ENDED in one.detail)
        uses = ((about.agent, about.tool, at) for about, at in ended)
        return counted(uses, newest[-1].at if len(newest) == limit else since)

    def list(
        self, *, kind: str | None = None, name: str | None = None, before: int | None = None, limit: int = 100
    ) -> Sequence[AuditRecord]:
        """Events, newest first, from the first one older than `before`."""
        records = (AuditRecord(at + 1, event) for at, event in reversed(list(enumerate(self._events))))
        asked = (
            record
            for record in records
            if (kind is None or record.event.kind == kind)
            and (name is None or record.event.name == name)
            and (before is None or record.sequence < before)
        )
        return list(islice(asked, limit))
