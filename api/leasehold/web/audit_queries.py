"""Filters over the trail as query parameters, and its cursors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query

from leasehold.model.events import Outcome
from leasehold.model.trail.queries import Facets, Place, TrailQuery
from leasehold.web.queries import NAME_LIMIT, decode_cursor, encode_cursor
from leasehold.web.refusals import InvalidQuery

NameText = Annotated[str | None, Query(max_length=NAME_LIMIT)]
_LONG = Annotated[str | None, Query(max_length=512)]
Instant = Annotated[str | None, Query(max_length=64, description="RFC 3339, with its offset.")]
OutcomeFilter = Annotated[Literal["ok", "denied", "error"] | None, Query(description="How it ended.")]


def trail_query(  # noqa: PLR0913, PLR0917  as many as there are filters
    kind: Annotated[str | None, Query(max_length=63)] = None,
    name: NameText = None,
    agent: _LONG = None,
    user: _LONG = None,
    owner: _LONG = None,
    tool: _LONG = None,
    lease: _LONG = None,
    deployment: _LONG = None,
    action: Annotated[str | None, Query(max_length=63)] = None,
    principal: _LONG = None,
    outcome: OutcomeFilter = None,
    since: Instant = None,
    until: Instant = None,
    text: Annotated[str | None, Query(min_length=2, max_length=200, description="Needs `since`.")] = None,
) -> TrailQuery:
    """What is asked for. Raises `InvalidQuery`."""
    names = {"kind": kind, "name": name, "action": action, "principal": principal, "text": text}
    facets = {"agent": agent, "user": user, "owner": owner, "tool": tool, "lease": lease, "deployment": deployment}
    if any(value is not None and not value.isascii() for value in (kind, name)):
        raise InvalidQuery("kind and name can be no name of an object")
    for what, value in (names | facets).items():
        if value is not None and not value.isprintable():
            raise InvalidQuery(f"{what} must be printable")
    if text is not None and since is None:
        raise InvalidQuery("text is looked for in a stretch of time: say since when")
    return TrailQuery(
        facets=Facets(**facets),
        outcome=Outcome(outcome) if outcome is not None else None,
        since=instant(since, "since"),
        until=instant(until, "until"),
        **names,
    )


def instant(text: str | None, what: str) -> datetime | None:
    """A time with an offset. Raises `InvalidQuery`."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidQuery(f"{what} must be a time of RFC 3339") from None
    if at.tzinfo is None or not 1970 < at.year < 9000:  # noqa: PLR2004  what every database can keep
        raise InvalidQuery(f"{what} must be a time of RFC 3339, with an offset")
    return at


def encode_place(place: Place | None) -> str | None:
    """Where the next page starts."""
    return encode_cursor(f"{place.at.isoformat()} {place.sequence}" if place is not None else None)


def decode_place(cursor: str) -> Place | None:
    """The place of a cursor, None for none. Raises `InvalidQuery`."""
    text = decode_cursor(cursor)
    if not text:
        return None
    at, _, sequence = text.partition(" ")
    if not sequence.isdecimal() or len(sequence) > 18:  # noqa: PLR2004  what fits 64 bits
        raise InvalidQuery("the cursor is none of ours")
    found = instant(at, "the cursor")
    if found is None:
        raise InvalidQuery("the cursor is none of ours")
    return Place(found, int(sequence))
