"""One issue per stack that drifts: opened, brought up to date, reopened, and closed when all is as declared again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

LABEL = "leasehold-drift"


@dataclass(frozen=True, slots=True)
class Ticket:
    """An issue of ours."""

    number: int
    body: str
    is_open: bool


class Inbox(Protocol):
    """The issues of one project."""

    def tickets(self, label: str) -> Iterable[Ticket]:
        """The issues with this label that our own token opened, closed ones included."""

    def open(self, title: str, body: str, label: str) -> int:
        """A new issue; its number."""

    def edit(self, ticket: int, title: str, body: str, *, is_open: bool) -> None:
        """Change an issue, and open or close it."""


def settled(inbox: Inbox, title: str, body: str, *, is_drift: bool) -> str:
    """Bring the stack's issue to where it should be; in a word, what was done.

    The oldest issue is the stack's. Further ones, which two runs at once may have opened, are closed.
    """
    marker = body.partition("\n")[0]
    found = _of_stack(inbox, marker)
    if not found and not is_drift:
        return "nothing to open"
    if not found:
        inbox.open(title, body, LABEL)
        found = _of_stack(inbox, marker)
        done = "opened"
    else:
        done = _brought(inbox, found[0], title, body, is_drift=is_drift)
    for other in found[1:]:
        if other.is_open:
            inbox.edit(other.number, title, body, is_open=False)
    return done


def _of_stack(inbox: Inbox, marker: str) -> list[Ticket]:
    found = [one for one in inbox.tickets(LABEL) if one.body.partition("\n")[0].rstrip("\r") == marker]
    return sorted(found, key=lambda one: one.number)


def _brought(inbox: Inbox, ticket: Ticket, title: str, body: str, *, is_drift: bool) -> str:
    if not is_drift and not ticket.is_open:
        return "closed already"
    inbox.edit(ticket.number, title, body, is_open=is_drift)
    if not is_drift:
        return "closed"
    return "updated" if ticket.is_open else "reopened"
