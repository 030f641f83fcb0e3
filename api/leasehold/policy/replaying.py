"""What another version would have said: recorded questions, asked again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision
from leasehold.policy.deciding import decision_on
from leasehold.policy.published import Published
from leasehold.policy.registered import Registered


class Foreseen(NamedTuple):
    """A world that lives or would, and what decisions would be made on in it."""

    registered: Registered
    published: Published


class Turned(NamedTuple):
    """A decision on record that one world makes otherwise than another. `allowed`: what the later one says.

    `principal` is who asked, and for whom; `agent` the agent among them, if there is one.
    """

    id: str
    at: datetime
    allowed: bool
    agent: str | None
    principal: str
    action: str


class Recount(NamedTuple):
    """What became of decisions on record, newest first. `left_out` were not reached in time."""

    replayed: int
    unreadable: int
    left_out: int
    turned: tuple[Turned, ...]


class Flip(NamedTuple):
    """A question whose answer turned round."""

    request: AccessRequest
    before: Decision
    after: Decision

    @property
    def widens(self) -> bool:
        """True if what was denied is allowed now."""
        return self.after.allowed


def replay(recorded: Iterable[tuple[AccessRequest, Decision]], published: Published) -> Iterator[Flip]:
    """The recorded decisions that this version turns round. Each is asked at its own time."""
    for request, before in recorded:
        after = decision_on(request, published)
        if after.allowed is not before.allowed:
            yield Flip(request, before, after)


def compare(requests: Iterable[AccessRequest], old: Published, new: Published) -> Iterator[Flip]:
    """The requests that two versions decide differently."""
    return replay(((request, decision_on(request, old)) for request in requests), new)
