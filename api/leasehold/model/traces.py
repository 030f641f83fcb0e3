"""Which trace something is part of, as it travels between programs (W3C Trace Context)."""

from __future__ import annotations

import re
from dataclasses import dataclass

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")  # §3.2.2; other versions are nobody's yet
_LONGEST_STATE = 512  # §3.3.1.5: so much has to be passed on


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A trace, the span in it that caused this, whether it is recorded, and what tracing systems add to it."""

    trace: str
    span: str
    flags: str
    state: str = ""

    @property
    def parent(self) -> str:
        """The `traceparent`; each is as long as any other."""
        return f"00-{self.trace}-{self.span}-{self.flags}"


def trace_context(parent: object, state: object = None) -> TraceContext | None:
    """The context that these two values of a stranger say; None if they say none."""
    found = _PARENT.fullmatch(parent) if isinstance(parent, str) else None
    if found is None or not found[1].strip("0") or not found[2].strip("0"):
        return None
    is_state = isinstance(state, str) and len(state) <= _LONGEST_STATE and state.isascii() and state.isprintable()
    return TraceContext(found[1], found[2], found[3], str(state) if is_state else "")
