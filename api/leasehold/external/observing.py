"""Looks at what credential profiles point to, several at once, and never longer than a reader would wait.

INVARIANT: whatever goes wrong is a look that failed, and says so. Nothing here is taken for seen that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.credentials import CredentialProfile, Target
from leasehold.model.errors import LeaseholdError
from leasehold.model.outside import Culprit, Facts, Footprint, Look, Trace

_AT_ONCE = 8
_PATIENCE = 20.0  # seconds for all looks together
_LATE = "no answer in time"

Looker = Callable[[CredentialProfile, datetime], Facts]
Tracer = Callable[[CredentialProfile, Footprint], Culprit]


@dataclass(frozen=True, slots=True)
class Observer:
    """`lookers` see one kind of target each, `tracers` find out who changed one; they raise `CannotLook`."""

    lookers: Mapping[type[Target], Looker]
    patience: float = field(default=_PATIENCE)
    tracers: Mapping[type[Target], Tracer] = field(default_factory=dict)

    def look(self, profiles: Mapping[str, CredentialProfile], now: datetime) -> Mapping[str, Look]:
        """What each profile points to now. Never raises."""
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="leasehold-look")
        try:
            asked = {name: pool.submit(self._look, spec, now) for name, spec in sorted(profiles.items())}
            wait(asked.values(), timeout=self.patience)
            return {name: _result(future) for name, future in asked.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def trace(self, profiles: Mapping[str, tuple[CredentialProfile, Footprint]]) -> Mapping[str, Trace]:
        """Who moved what each profile points to. Never raises."""
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="leasehold-trace")
        try:
            sought = {name: pool.submit(self._trace, *one) for name, one in sorted(profiles.items())}
            wait(sought.values(), timeout=self.patience)
            return {
                name: future.result() if future.done() and not future.cancelled() else Trace(problem=_LATE)
                for name, future in sought.items()
            }
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _trace(self, spec: CredentialProfile, footprint: Footprint) -> Trace:
        tracer = self.tracers.get(type(spec.target))
        if tracer is None:
            return Trace(problem="nobody asks there")
        try:
            return Trace(tracer(spec, footprint))
        except LeaseholdError as error:
            return Trace(problem=str(error))
        except Exception as error:  # noqa: BLE001  as above: a cause that is not known fails no report
            return Trace(problem=f"the answer was not understood: {type(error).__name__}")

    def _look(self, spec: CredentialProfile, now: datetime) -> Look:
        looker = self.lookers.get(type(spec.target))
        if looker is None:
            return Look(problem="nothing is looked at there")
        try:
            return Look(facts=looker(spec, now))
        except LeaseholdError as error:
            return Look(problem=str(error))
        except Exception as error:  # noqa: BLE001  an answer of any shape is a look that failed, never a report that did
            return Look(problem=f"the answer was not understood: {type(error).__name__}")


def _result(future: Future[Look]) -> Look:
    return future.result() if future.done() and not future.cancelled() else Look(problem=_LATE)
