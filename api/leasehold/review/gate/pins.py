"""What a plan approves of tool servers, and what it gives to agents that nobody approved, or that has changed since."""

from __future__ import annotations

from collections.abc import Iterator

from leasehold.model.kinds import Kind
from leasehold.model.pins import ToolPin
from leasehold.model.tool_surfaces import PinState, ToolSurface
from leasehold.review.entitlements import EVERY_TOOL
from leasehold.review.gate.rules import Check
from leasehold.review.gate.scenes import Scene
from leasehold.review.gate.verdicts import GateFinding
from leasehold.review.quotation import quoted
from leasehold.review.shown import approved, moved

_SHOWN = 3
_NOTHING = ToolSurface("", {})


def approving(scene: Scene) -> Iterator[GateFinding]:
    """Pins that approve other tools than before, or other instructions."""
    for key, spec in scene.fresh.items():
        if not isinstance(spec, ToolPin):
            continue
        now, was = spec.approved, approved(scene.was, key[1]) or _NOTHING
        fresh = sorted(name for name, text in now.tools.items() if was.tools.get(name) != text)
        parts = [*(quoted(name) for name in fresh[:_SHOWN])]
        parts += [f"{len(fresh) - _SHOWN} more"] if len(fresh) > _SHOWN else []
        parts += ["its instructions"] if now.instructions != was.instructions else []
        if parts:
            said = f"the pin of {quoted(key[1])} newly approves {', '.join(parts)}"
            yield scene.finding(Check.CHANGED_TOOL, said, key=key)


def unpinned(scene: Scene) -> Iterator[GateFinding]:
    """Tools that agents gain and that no pin approves (the gateway hides them), or that are not what it approves."""
    for change in scene.access:
        for server, tool in sorted({(one.tool_server, one.tool) for one in change.gains}):
            pinned, states = approved(scene.planned, server), moved(scene.planned, server, scene.seen)
            what, key = f"{quoted(tool)} of {quoted(server)}", (Kind.TOOL_SERVERS, server)
            if pinned is not None and (states.get(tool) is PinState.CHANGED or "" in states):
                said = f"agent {quoted(change.agent)} gains {what}, which is not what was approved"
                yield scene.finding(Check.CHANGED_TOOL, said, agent=change.agent, key=key)
            elif tool != EVERY_TOOL and (pinned is None or tool not in pinned.tools):
                said = f"agent {quoted(change.agent)} gains {what}, which no pin approves"
                yield scene.finding(Check.UNPINNED_TOOL, said, agent=change.agent, key=key)
