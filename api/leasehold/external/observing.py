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
from leasehold.model.outside import Facts, Look

_AT_ONCE = 8
_PATIENCE = 20.0  # seconds for all looks together

Looker = Callable[[CredentialProfile, datetime], Facts]


@dataclass(frozen=True, slots=True)
class Observer:
    """`lookers` see one kind of target each; they raise `CannotLook`."""

    lookers: Mapping[type[Target], Looker]
    patience: float = field(default=_PATIENCE)

    def look(self, profiles: Mapping[str, CredentialProfile], now: datetime) -> Mapping[str, Look]:
        """What each profile points to now. Never raises."""
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="leasehold-look")
        try:
            asked = {name: pool.submit(self._look, spec, now) for name, spec in sorted(profiles.items())}
            wait(asked.values(), timeout=self.patience)
            return {name: _result(future) for name, future in asked.items()}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

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
    return future.result() if future.done() and not future.cancelled() else Look(problem="no answer in time")
