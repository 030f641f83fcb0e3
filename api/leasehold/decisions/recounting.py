"""Decisions on record, made again in two worlds: in the one that lives, and in the one that a plan would make."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from leasehold.decisions.assembling import State
from leasehold.decisions.mcp_questions import OPENINGS
from leasehold.decisions.ports import Store, Vault
from leasehold.decisions.questions import request_of
from leasehold.decisions.reading import Seen
from leasehold.decisions.records import remembered
from leasehold.decisions.trying import decided_again
from leasehold.model.decision_records import SealedQuestion
from leasehold.model.entities import AGENT
from leasehold.model.errors import LeaseholdError
from leasehold.model.kinds import Kind
from leasehold.policy.decision import Permit
from leasehold.policy.directory import directory_of
from leasehold.policy.replaying import Foreseen, Recount, Turned

SECONDS = 2.0


class Recollection:
    """Recalls the newest decisions. `ticks` counts seconds from any point on."""

    def __init__(self, store: Store, vault: Vault, ticks: Callable[[], float] = time.monotonic) -> None:
        self._store, self._vault, self._ticks = store, vault, ticks

    def recall(self, _permit: Permit, limit: int) -> Recalled:
        """At most `limit`, newest first, for somebody who may have decisions explained. Raises `Unavailable`."""
        with self._store.read() as unit:
            questions = unit.questions.latest(limit) if limit else ()
        return Recalled(questions, self._vault, self._ticks)


class Recalled:
    """Decisions that were recalled, still sealed."""

    def __init__(self, questions: Sequence[SealedQuestion], vault: Vault, ticks: Callable[[], float]) -> None:
        self._questions, self._vault, self._ticks = questions, vault, ticks

    def recount(self, was: Foreseen, now: Foreseen) -> Recount:
        """Each decided in both worlds, at its own time. What the record said may have been other policies' doing."""
        until = self._ticks() + SECONDS
        states = _state(was), _state(now)
        turned: list[Turned] = []
        unreadable = done = 0
        for one in self._questions:
            if self._ticks() > until:
                break
            done += 1
            try:
                turned += _turned(one, self._vault, *states)
            except LeaseholdError:  # its subject was erased
                unreadable += 1
        return Recount(done - unreadable, unreadable, len(self._questions) - done, tuple(turned))


def _turned(sealed: SealedQuestion, vault: Vault, was: State, now: State) -> Iterator[Turned]:
    question = remembered(vault.unseal(sealed.sealed, sealed.id)).question
    if question.action in OPENINGS:  # it follows from what can be called, which is told by itself
        return
    before, after = (decided_again(question, state, sealed.at).allowed for state in (was, now))
    if before is not after:
        allowing = now if after else was  # what was allowed was understood
        request = request_of(question, allowing, sealed.at)
        parties = [one.ref for one in (request.subject, request.user) if one is not None]
        shown = [f"{ref.type}:{allowing.directory.shown(ref)}" for ref in parties]
        agent = request.subject.ref.id if request.subject.ref.type == AGENT else None
        yield Turned(sealed.id, sealed.at, after, agent, " for ".join(shown), request.action)


def _state(world: Foreseen) -> State:
    servers = world.registered.tool_servers
    return State(
        published=world.published,
        seen=Seen(0, {Kind.TOOL_SERVERS: servers}),
        directory=directory_of(world.registered.users),
        servers={server.url: name for name, server in servers.items()},
    )
