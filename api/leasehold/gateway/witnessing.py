"""What came of each request that is owed an answer, told to whoever keeps count of it, traces it or logs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from leasehold.decisions.recording import Recorder
from leasehold.gateway.answers import Pending
from leasehold.gateway.deciding import Place
from leasehold.gateway.records import Records
from leasehold.mcp.refusals import Refused
from leasehold.model.connections import Authorized

OUTCOMES: Final[Mapping[str, str]] = {
    "tool_error": "tool_error",
    "insufficient_scope": "insufficient_scope",
    "rate_limited": "rate_limited",
    "upstream_limited": "upstream_limited",
    "blocked": "blocked",
    "not_approved": "quarantined",
    "stale": "stale",
    "not_current": "stale",
    "not_recorded": "not_recorded",
    "caller_gone": "caller_gone",
    "input_denied": "denied",
    "unavailable": "unavailable",
}
"""Reasons of ours by the word for what came of it."""


class Witness(Protocol):
    """Is told of each request once, when what came of it is recorded or could not be. Quick, and raises nothing.

    `outcome` is a word of a closed set; `seconds`: how long it took, None for what was not let through.
    """

    def ended(self, place: Place, one: Pending, outcome: str, seconds: float | None) -> None: ...


class WitnessedRecords(Records):
    """Records calls, and tells witnesses."""

    def __init__(self, recorder: Recorder, witnesses: Sequence[Witness]) -> None:
        super().__init__(recorder)
        self._witnesses = witnesses

    async def ended(
        self, place: Place, one: Pending, at: datetime, authorized: Authorized | None, seconds: float
    ) -> None:
        """What came of a request. Raises `Refused`."""
        outcome = "failed"
        try:
            await super().ended(place, one, at, authorized, seconds)
            outcome = outcome_of(one)
        except Refused as refused:
            outcome = OUTCOMES.get(refused.reason, "failed")
            raise
        finally:
            self._tell(place, one, outcome, seconds)

    async def refused(self, place: Place, pending: Sequence[Pending], reason: str) -> None:
        """What was not let through. Raises `Refused`."""
        try:
            await super().refused(place, pending, reason)
        finally:
            for one in pending:
                self._tell(place, one, OUTCOMES.get(one.reason, "denied"), None)

    def _tell(self, place: Place, one: Pending, outcome: str, seconds: float | None) -> None:
        for witness in self._witnesses:
            witness.ended(place, one, outcome, seconds)


def outcome_of(one: Pending) -> str:
    """What came of a request, in one word of a closed set."""
    if one.reason.startswith("not_connected"):
        return "not_connected"
    if one.reason.startswith("error_"):
        return "protocol_error"
    return OUTCOMES.get(one.reason, "failed" if one.is_error else "ok")
