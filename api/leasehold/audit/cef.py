"""Events as CEF (ArcSight Common Event Format, version 0): one line, whatever is in them."""

from __future__ import annotations

from collections.abc import Mapping

from leasehold.model.events import Outcome
from leasehold.model.trail.telling import Told

_SEVERITY = {Outcome.OK: 3, Outcome.DENIED: 6, Outcome.ERROR: 7}
_HEADER = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " "})
_VALUE = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\r"})


def cef_line(told: Told, version: str) -> str:
    """One event. `version` is ours."""
    event = told.record.event
    head = ("CEF:0", "Leasehold", "Leasehold", version, f"{event.kind}.{event.action}", event.action)
    header = "|".join(_shown(part).translate(_HEADER) for part in head)
    return f"{header}|{_SEVERITY[event.outcome]}|{_extension(_fields(told))}"


def _fields(told: Told) -> Mapping[str, str]:
    event, about = told.record.event, told.seal.about
    fields = {
        "rt": str(int(event.at.timestamp() * 1000)),
        "externalId": str(told.position),
        "suser": about.user or event.principal,
        "src": event.origin.source if "." in event.origin.source else "",
        "c6a2": event.origin.source if ":" in event.origin.source else "",
        "outcome": event.outcome.value,
        "reason": event.reason,
        "cs1Label": "agent",
        "cs1": about.agent or "",
        "cs2Label": "tool",
        "cs2": about.tool or "",
        "cs3Label": "object",
        "cs3": f"{event.kind}/{event.name}",
        "cs4Label": "previous",
        "cs4": told.previous.hex(),
        "cs5Label": "leaf",
        "cs5": told.seal.leaf.hex(),
        "cs6Label": "owner",
        "cs6": about.owner or "",
    }
    return {name: value for name, value in fields.items() if value}


def _extension(fields: Mapping[str, str]) -> str:
    return " ".join(f"{name}={_shown(value).translate(_VALUE)}" for name, value in fields.items())


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\n\r" else "\ufffd" for c in text)
