"""Keeps what decisions are made on current: looked for off the hot path, swapped in one assignment.

A commit of this process wakes the look, PostgreSQL wakes it for the commits of others, and it looks by itself besides.
INVARIANT: whoever asks is answered from a state that the registry was seen to be in within `bound`, or denied.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from leasehold.decisions.assembling import State, assemble, reassemble, regrant, untouched
from leasehold.decisions.bounding import bound_anew
from leasehold.decisions.ports import Store, UnitOfWork
from leasehold.decisions.reading import read_again, read_all, read_grants, read_grants_of
from leasehold.model.entities import AGENT, EntityRef
from leasehold.model.errors import Unavailable
from leasehold.model.events import Change
from leasehold.model.kinds import Kind
from leasehold.model.revocations import RevocationEvent
from leasehold.policy.cedar.evaluation import Engine

LOOK_SECONDS = 0.25
BOUND = timedelta(seconds=5)
_MANY = 2000  # changes, or agents whose grants may be others now: reading all of it is the shorter way
_DIRECTORY = frozenset({Kind.AGENTS, Kind.OWNERS, Kind.TOOL_SERVERS, Kind.USERS, Kind.RESOURCES, Kind.RELATIONS})
_KINDS = frozenset(kind.value for kind in Kind)
_log = logging.getLogger(__name__)


class Current:
    """The state that decisions are made on now. `look` brings it up to date; a thread of its own calls it."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Callable[[], datetime],
        *,
        bound: timedelta = BOUND,
        every: float = LOOK_SECONDS,
    ) -> None:
        self._store, self._engine, self._clock, self._bound, self._every = store, engine, clock, bound, every
        self._state: State | None = None
        self._confirmed_at: datetime | None = None
        self._looking = threading.Lock()
        self._woken = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Follow the registry from now on."""
        self._thread = threading.Thread(target=self._run, name="leasehold-decisions", daemon=True)
        self._store.listen(self.wake)
        self._thread.start()

    def close(self) -> None:
        """Follow no more."""
        self._closed = True
        self._store.unlisten(self.wake)
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self, _events: Sequence[RevocationEvent] = ()) -> None:
        """Something was committed."""
        self._woken.set()

    def state(self, now: datetime) -> State | None:
        """What to decide on; None if nobody can say what the registry holds."""
        state, confirmed_at = self._state, self._confirmed_at
        if state is None or confirmed_at is None or abs(now - confirmed_at) > self._bound:
            return None
        return state

    def look(self) -> State:
        """The state that the registry is in, as of some moment after this call. Raises `Unavailable`."""
        with self._looking:
            at = self._clock()
            with self._store.read() as unit:
                state = self._next(unit, self._state)
            self._state, self._confirmed_at = state, at
            return state

    def _next(self, unit: UnitOfWork, state: State | None) -> State:
        latest = unit.changes.latest()
        if state is not None and latest == state.sequence:
            return state
        changes = unit.changes.since(state.sequence, _MANY) if state is not None else ()
        if state is None or not _follow(changes, state.sequence, latest):
            return self._anew(unit)
        return self._advanced(unit, state, changes)

    def _anew(self, unit: UnitOfWork) -> State:
        seen = read_all(unit)
        return _said(assemble(seen, read_grants(unit, seen), self._engine))

    def _advanced(self, unit: UnitOfWork, state: State, changes: Sequence[Change]) -> State:
        names = _names(changes)
        seen = read_again(unit, state.seen, names, changes[-1].sequence)
        agents = _holders(names) | bound_anew(unit, state.seen, seen, names)
        if len(agents) > _MANY:
            return _said(assemble(seen, read_grants(unit, seen), self._engine, state))
        if names.keys() & (_DIRECTORY | {Kind.POLICIES}):  # first: tools that are new can be granted
            state = _said(reassemble(state, seen, directory=bool(names.keys() & _DIRECTORY)))
        if agents:
            held = read_grants_of(unit, seen, agents)
            return regrant(state, seen, {EntityRef(AGENT, name): found for name, found in held.items()})
        return untouched(state, seen)

    def _run(self) -> None:
        while not self._closed:
            try:
                self.look()
            except Unavailable:
                _log.warning("decisions are made on what was known before: the database does not answer")
            except Exception as error:  # noqa: BLE001  past the bound everything is denied, and the next look may succeed
                _log.error("decisions are made on what was known before: %s", type(error).__name__)
            self._woken.wait(self._every)
            self._woken.clear()


def _follow(changes: Sequence[Change], since: int, latest: int) -> bool:
    """True if these are all the changes behind `since`."""
    return bool(changes) and changes[0].sequence == since + 1 and changes[-1].sequence == latest


def _names(changes: Sequence[Change]) -> Mapping[Kind, set[str]]:
    names: dict[Kind, set[str]] = {}
    for change in changes:
        if change.kind in _KINDS:
            names.setdefault(Kind(change.kind), set()).add(change.name)
    return names


def _holders(names: Mapping[Kind, set[str]]) -> frozenset[str]:
    """The agents whose grants, or the ceilings above them, may be others now."""
    granted = {name.partition("/")[0] for name in names.get(Kind.GRANTS, ())}  # a grant's name starts with its agent's
    return frozenset(granted | names.get(Kind.AGENTS, set()))


def _said(state: State) -> State:
    for problem in state.problems:
        _log.error("policy `%s` cannot be published, line %d", problem.document, problem.line)
    return state
