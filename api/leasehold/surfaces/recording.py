"""What a server shows, written down when it is new: the observation, and on the audit trail what is quarantined."""

from __future__ import annotations

from dataclasses import replace

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.observations import Observation
from leasehold.model.tool_surfaces import ToolSurface, usable_tools
from leasehold.model.tools import Pinning
from leasehold.surfaces.advice import advice_on
from leasehold.surfaces.ports import Governing, Store

_SHOWN = 50
_NOTHING = ToolSurface("", {})


def record(store: Store, seen: Observation, governing: Governing) -> None:
    """Remember an observation, and say what of it nobody approved. Raises `Unavailable`: then nothing was."""
    with store.begin() as unit:
        unit.observations.put(seen)
        detail: dict[str, object] = {"digest": f"sha256:{seen.digest}", "tools": len(seen.surface.names)}
        unit.audit.append(_event(seen, "observe", "", detail))
        if said := _quarantined(seen, governing):
            unit.audit.append(_event(seen, "quarantine", seen.problem, said))


def _event(seen: Observation, action: str, reason: str, detail: dict[str, object]) -> AuditEvent:
    return AuditEvent(
        at=seen.last_at,
        principal=seen.by,
        action=action,
        kind=Kind.TOOL_SERVERS.value,
        name=seen.server,
        outcome=Outcome.OK,
        reason=reason,
        detail=detail,
    )


def _quarantined(seen: Observation, governing: Governing) -> dict[str, object]:
    """What is hidden and denied from now on, with advice; under `observe` it is only told. Empty: nothing is."""
    approved = governing.pin.approved if governing.pin is not None else _NOTHING
    live = seen.surface
    names = sorted(live.names - usable_tools(approved, replace(live, instructions=approved.instructions)))
    instructions = not seen.problem and live.instructions != approved.instructions
    if not names and not instructions and not seen.problem:
        return {}
    advice = advice_on(live, names, instructions=instructions)
    return {
        "digest": f"sha256:{seen.digest}",
        "pinned": f"sha256:{approved.digest}" if governing.pin is not None else None,
        "enforced": governing.pinning is Pinning.REQUIRED,
        "instructions": instructions,
        "tools": [_short(name) for name in names[:_SHOWN]],
        "count": len(names),
        "advice": [{"tool": _short(one.tool), "kind": one.kind, "rule": one.rule} for one in advice[:_SHOWN]],
    }


def _short(name: str) -> str:
    """A name that a stranger chose, in ASCII: what hides in it shows."""
    return name.encode("ascii", "backslashreplace").decode()
