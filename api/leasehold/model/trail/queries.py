"""What is asked of the trail, and whom and what an event is about. One meaning for every store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.records import AuditRecord

_DECISIONS, _GRANTS = "decisions", "grants"
_NAMED_AFTER = {
    **dict.fromkeys(("agents", "agent", "grant-sets", "client-secrets", "registration-tokens", "consents"), "agent"),
    **dict.fromkeys(("users", "user"), "user"),
    **dict.fromkeys(("owners", "owner"), "owner"),
    **dict.fromkeys(("leases", "lease"), "lease"),
    **dict.fromkeys(("deployments", "deployment"), "deployment"),
}
"""Kinds whose objects are called by whom or what they are about; of nodes, that is what stands behind the colon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facets:
    """Whom and what an event is about, as it is searched by; None where it is about none."""

    agent: str | None = None
    user: str | None = None
    owner: str | None = None
    tool: str | None = None
    lease: str | None = None
    deployment: str | None = None

    def document(self) -> dict[str, str]:
        """By name, without what there is none of."""
        return {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailQuery:
    """Which events; None asks nothing. `since` is included, `until` is not. `text` is looked for in what they say."""

    facets: Facets = Facets()
    kind: str | None = None
    name: str | None = None
    action: str | None = None
    principal: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the answer, newest first, a page ends."""

    at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class Found:
    """An event that was found; `position` is its place in the trail, None until it is sealed."""

    record: AuditRecord
    position: int | None
    about: Facets

    @property
    def place(self) -> Place:
        """Where it stands in an answer."""
        return Place(self.record.event.at, self.record.sequence)


def facets_of(event: AuditEvent) -> Facets:
    """Whom and what the event is about, as far as it says so itself, out of the names that events use."""
    detail, own = event.detail, _own(event)
    named = (_text(detail, "subject"), _text(detail, "holder"), event.principal)
    agent = _text(detail, "agent") or own.get("agent") or _named("agent:", *named)
    user = _text(detail, "user") or own.get("user") or _named("user:", *named)
    return Facets(
        agent=agent.removeprefix("agent:") if agent else None,
        user=user.removeprefix("user:") if user else None,
        owner=own.get("owner") or _text(detail, "owner"),
        tool=_text(detail, "tool") or (_text(detail, "action") if event.kind == _DECISIONS else None),
        lease=own.get("lease") or _text(detail, "lease"),
        deployment=own.get("deployment") or _text(detail, "deployment"),
    )


def _own(event: AuditEvent) -> Mapping[str, str]:
    """What the name of the object says."""
    if event.kind == _GRANTS:  # a grant's name starts with its agent's (0004)
        return {"agent": event.name.partition("/")[0]}
    facet = _NAMED_AFTER.get(event.kind)
    return {facet: event.name.removeprefix(f"{facet}:")} if facet is not None and event.name else {}


def matches(query: TrailQuery, event: AuditEvent, about: Facets) -> bool:
    """Whether the event is one of those asked for; `about` is whom and what it is about."""
    asked = (
        *((getattr(query.facets, name), getattr(about, name)) for name in Facets.__slots__),
        (query.kind, event.kind),
        (query.name, event.name),
        (query.action, event.action),
        (query.principal, event.principal),
        (query.outcome, event.outcome),
    )
    return (
        all(wanted is None or wanted == found for wanted, found in asked)
        and (query.since is None or event.at >= query.since)
        and (query.until is None or event.at < query.until)
        and (query.text is None or _says(event, query.text))
    )


def _says(event: AuditEvent, text: str) -> bool:
    detail = json.dumps(dict(event.detail), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return any(text.lower() in said.lower() for said in (event.principal, event.name, event.reason, detail))


def _text(detail: Mapping[str, object], name: str) -> str | None:
    found = detail.get(name)
    return found if isinstance(found, str) and found and found.isprintable() else None  # no database takes a NUL


def _named(prefix: str, *names: str | None) -> str | None:
    return next((name for name in names if name is not None and name.startswith(prefix)), None)
