"""How often agents called tools, as the gateway has it on record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

CALLS = "calls"  # the kind of the events that tell of a call and its decision at once
ENDED = "milliseconds"  # what an event of a call that ended says in its detail, and one of its beginning does not


@dataclass(frozen=True, slots=True)
class CallUse:
    """How many calls of one tool, `<tool server>/<tool>`, an agent made, and when it made the last (aware UTC)."""

    agent: str
    tool: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class CallUses:
    """Of the newest calls on record, those that went out and ended. `since`: from when on all are among them."""

    uses: tuple[CallUse, ...]
    since: datetime


def counted(calls: Iterable[tuple[str | None, str | None, datetime]], since: datetime) -> CallUses:
    """Calls of agents, each with its tool and its time, counted."""
    times: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for agent, tool, at in calls:
        if agent is not None and tool is not None:
            times[agent, tool].append(at)
    return CallUses(tuple(CallUse(*key, len(found), max(found)) for key, found in sorted(times.items())), since)
