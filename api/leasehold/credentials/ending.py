"""Kills what has lost its lease, again and again until it is certain, and says honestly what cannot be killed.

| state | when | what happens |
|---|---|---|
| minting | a minute later, still not let out | the server stopped in between: `ending` |
| live | its lease ended, by revocation or by itself | `ending`, or `expiring` if nothing can be done |
| ending | at once, then with growing pauses | killed: `ended`; dead by itself meanwhile: `ended` |
| expiring | at `live_until` | `ended` |
| ended | at once, then with growing pauses | leftovers taken away: `cleared` |
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event

from leasehold.credentials.ports import Sealer, Source, Store, UnitOfWork
from leasehold.credentials.records import ending
from leasehold.credentials.standing import fallen
from leasehold.model.credentials import Target
from leasehold.model.errors import Unavailable
from leasehold.model.events import Outcome
from leasehold.model.external import CredentialFilters, CredentialState, Ending, ExternalCredential, StillLive

LOOK_EVERY_SECONDS = 0.25
KEPT = timedelta(days=1)
_CLAIM = timedelta(seconds=15)  # longer than one attempt: another replica leaves it alone meanwhile
_LONGEST_PAUSE = timedelta(seconds=60)
_AT_ONCE = 200
_THREADS = 8
_OPEN = frozenset(CredentialState) - {CredentialState.CLEARED}
_LIVE = CredentialFilters(states=frozenset({CredentialState.LIVE}))
_log = logging.getLogger(__name__)


class Endings:
    """The worker. `look` is one round; any number of servers may run it on one database."""

    def __init__(
        self,
        *,
        store: Store,
        sources: Mapping[type[Target], Source],
        sealer: Sealer,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sources = sources
        self._sealer = sealer
        self._clock = clock
        self._wanted = Event()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="leasehold-ending")
        self._forgot_at: datetime | None = None

    def wake(self, *_: object) -> None:
        """Look now: something was revoked."""
        self._wanted.set()

    def run(self, stop: Event) -> None:
        """Look again and again until `stop`."""
        while not stop.is_set():
            self._wanted.wait(LOOK_EVERY_SECONDS)
            self._wanted.clear()
            try:
                self.look()
            except Unavailable as error:  # what is due stays due
                _log.warning("credentials were not looked at: %s", error)
            except Exception as error:  # noqa: BLE001  a worker that stops would leave credentials alive
                _log.error("credentials were not looked at: %s", type(error).__name__)

    def look(self) -> list[Future[None]]:
        """One round: what is due now, and what has lost its lease. The work itself goes on in other threads."""
        now = self._clock()
        with self._store.read() as unit:
            found = {one.id: one for one in unit.credentials.due(_OPEN, now, _AT_ONCE)}
            found |= {one.id: one for one in self._fallen(unit, now)}
        self._forget(now)
        return [self._pool.submit(self._advance, one.id) for one in found.values() if self._claim(one.id, now)]

    def close(self) -> None:
        """Finish what was begun."""
        self._pool.shutdown()

    @staticmethod
    def _fallen(unit: UnitOfWork, now: datetime) -> Iterator[ExternalCredential]:
        after = ""
        while page := unit.credentials.list(after=after, limit=_AT_ONCE, filters=_LIVE):
            yield from fallen(unit, page, now)
            after = page[-1].id

    def _claim(self, credential_id: str, now: datetime) -> bool:
        """Make it this server's for a while, one step further on its way; whether it is still there to be had."""
        with self._store.begin() as unit:
            one = unit.credentials.find(credential_id)
            if one is None or one.state is CredentialState.CLEARED:
                return False
            lost = one.state is CredentialState.LIVE and bool(fallen(unit, (one,), now))
            if not lost and one.next_attempt_at > now:
                return False
            unit.credentials.replace(_begun(one, now))
            return True

    def _advance(self, credential_id: str) -> None:
        try:
            with self._store.read() as unit:
                one = unit.credentials.find(credential_id)
            if one is not None:
                self._settle(one)
        except Unavailable as error:
            _log.warning("credential %s: %s", credential_id, error)

    def _settle(self, one: ExternalCredential) -> None:
        now = self._clock()
        if one.state is CredentialState.ENDED:
            self._clear(one, now)
        elif _dies_by_itself(one) and now >= one.live_until:
            self._write(one, CredentialState.ENDED, now, action="end", reason="expired")
            self._clear(replace(one, state=CredentialState.ENDED), self._clock())
        elif one.ending is Ending.EXPIRY or (one.ending is Ending.DELETE_TOKEN and one.sealed is None):
            if one.state is not CredentialState.EXPIRING:
                self._write(one, CredentialState.EXPIRING, now, action="end-later", reason="cannot_be_killed")
        else:
            self._kill(one, now)

    def _kill(self, one: ExternalCredential, now: datetime) -> None:
        try:
            ends_with = self._sealer.unseal(one.sealed, one.id) if one.sealed is not None else None
            self._source(one).kill(one, ends_with)
        except Exception as error:  # noqa: BLE001  whatever went wrong, it may still live
            self._postpone(one, now, error, "end")
            return
        self._write(one, CredentialState.ENDED, self._clock(), action="end", reason="")
        self._clear(replace(one, state=CredentialState.ENDED), self._clock())

    def _clear(self, one: ExternalCredential, now: datetime) -> None:
        if one.ending is Ending.DENY_SESSION and now < one.live_until:
            return  # the denial has to stay for as long as there is something to deny
        try:
            self._source(one).clear(one)
        except Exception as error:  # noqa: BLE001  dead already; the leftovers wait
            self._postpone(one, now, error, "clear")
            return
        self._write(one, CredentialState.CLEARED, self._clock(), action="clear", reason="")

    def _source(self, one: ExternalCredential) -> Source:
        return self._sources[type(one.spec.target)]

    def _write(
        self, one: ExternalCredential, state: CredentialState, now: datetime, *, action: str, reason: str
    ) -> None:
        waits = one.live_until if state in {CredentialState.EXPIRING, CredentialState.ENDED} else now
        kept = None if state in {CredentialState.ENDED, CredentialState.CLEARED} else one.sealed
        moved = replace(one, state=state, attempts=0, next_attempt_at=waits, problem="", sealed=kept)
        with self._store.begin() as unit:
            unit.credentials.replace(moved)
            unit.audit.append(ending(moved, action, Outcome.OK, reason, now))

    def _postpone(self, one: ExternalCredential, now: datetime, error: Exception, action: str) -> None:
        problem = str(error) if isinstance(error, StillLive) else type(error).__name__
        pause = min(_LONGEST_PAUSE, timedelta(seconds=0.5 * 2 ** min(one.attempts, 10)))
        _log.warning("credential %s: %s, attempt %d: %s", one.id, action, one.attempts, problem)
        with self._store.begin() as unit:
            unit.credentials.replace(replace(one, problem=problem, next_attempt_at=now + pause))
            if problem != one.problem:  # once for each thing that goes wrong, not once for each attempt
                unit.audit.append(ending(one, action, Outcome.ERROR, problem, now))

    def _forget(self, now: datetime) -> None:
        if self._forgot_at is not None and now - self._forgot_at < timedelta(minutes=10):
            return
        self._forgot_at = now
        with self._store.begin() as unit:
            unit.credentials.forget(now - KEPT)


def _begun(one: ExternalCredential, now: datetime) -> ExternalCredential:
    state = one.state if one.state in {CredentialState.ENDED, CredentialState.EXPIRING} else CredentialState.ENDING
    return replace(one, state=state, attempts=one.attempts + 1, next_attempt_at=now + _CLAIM)


def _dies_by_itself(one: ExternalCredential) -> bool:
    # A login expires for those who come; who is in the database already stays until the session is terminated.
    return one.ending is not Ending.TERMINATE_SESSIONS
