"""One line of JSON for each call and each refusal, for whoever collects logs: declared names and closed words.

The audit trail is the record. A line here is a convenience, and holds no argument, result, person or secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import orjson

from leasehold.gateway.answers import Pending
from leasehold.gateway.deciding import Place
from leasehold.mcp.needs import METHODS
from leasehold.mcp.refusals import Refused
from leasehold.model.events import ORIGIN


class CallLog:
    """Writes lines. `clock` tells the time (aware UTC)."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], datetime]) -> None:
        self._write, self._clock = write, clock

    def ended(self, place: Place, one: Pending, outcome: str, seconds: float | None) -> None:
        """What came of one request."""
        method, tool = one.message.method, one.message.params.get("name")
        line: dict[str, object] = {
            "event": "call",
            "tool_server": place.served.name,
            "method": method if method in METHODS else "other",
            "agent": place.caller.facts.agent,
            "lease": place.caller.token.lease,
            "outcome": outcome,
            "reason": one.reason,
        }
        if method == "tools/call" and isinstance(tool, str) and tool in place.served.spec.tools:
            line["tool"] = tool
        if seconds is not None:
            line["milliseconds"] = round(seconds * 1000, 3)
        if one.judgements:
            line["decisions"] = [judged.decided.id for judged in one.judgements]
        if one.found:
            line["found"] = dict(one.found)
        self._say(line)

    def refused(self, refused: Refused) -> None:
        """An HTTP request that was refused before there was a call to tell of."""
        if not refused.told:
            self._say({"event": "refusal", "status": refused.status, "reason": refused.reason or "malformed"})

    def _say(self, line: Mapping[str, object]) -> None:
        trace = ORIGIN.get().trace
        whole = {"at": self._clock().isoformat(), **line, **({"trace": trace} if trace else {})}
        self._write(orjson.dumps(whole).decode())
