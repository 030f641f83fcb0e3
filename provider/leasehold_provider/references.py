"""Names of other objects, checked while planning: do they live, or will this very run make them live?

A name that neither lives nor was planned yet is judged by what is near it. If a live name looks like it, it is a typing
error: the plan fails and names the other. If nothing looks like it, the object may be created later in this run by a
resource that is not referred to; Terraform knows no order between the two then, and the plan warns of it. The
registry decides at apply in any case.
"""

from __future__ import annotations

from .problems import plain
from .protocol import is_unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from .problems import Step
    from .protocol import PlanContext
    from .run import Run

    Values = dict[str, Any]

NOUNS = {
    "owners": "owner",
    "agents": "agent",
    "trust-issuers": "trust issuer",
    "workload-bindings": "workload binding",
    "tool-servers": "tool server",
    "tool-pins": "tool pin",
    "scopes": "scope",
    "ceilings": "ceiling",
    "grants": "grant",
    "grant-sets": "exclusive claim",
    "deployments": "deployment",
    "credential-profiles": "credential profile",
    "policies": "policy",
    "users": "user",
    "resources": "resource",
    "relations": "relation",
    "drift-exceptions": "drift exception",
}
_TYPO = 0.8
_SIMILAR = 0.6


def find(run: Run, kind: str, name: str) -> Values | None:
    """What will live under this name: as planned in this run, else as it lives now."""
    return run.planned(kind, name) or run.registry.live.find(kind, name)


def check_reference(ctx: PlanContext, run: Run, kind: str, name: object, path: Sequence[Step]) -> None:
    """Object to a name that does not live, unless this run may still create it."""
    if name is None or is_unknown(name) or find(run, kind, str(name)) is not None:
        return
    wrong = str(name)
    noun = NOUNS[kind]
    summary = f"Unknown {noun}"
    names = [item["name"] for item in run.registry.live.all(kind)] + run.planned_names(kind)
    typo = alike(wrong, names, _TYPO)
    if typo is not None:
        ctx.error(
            summary, f"No {noun} named `{plain(wrong)}` lives. Did you mean `{plain(typo)}`?{_advice(kind)}", path
        )
    else:
        ctx.warn(
            f"{summary} `{plain(wrong)}`",
            f"No {noun} of this name lives, and none was planned before this resource.{_advice(kind)} "
            "Otherwise apply will fail.",
            path,
        )


def _advice(kind: str) -> str:
    resource = f"leasehold_{NOUNS[kind].replace(' ', '_')}"
    return f" If this run creates it, refer to it as `{resource}.<label>.name`, so that it is created first."


def check_tools(ctx: PlanContext, run: Run, tool_server: object, tools: Iterable[object]) -> None:
    """Object to tools that a known server does not list."""
    if tool_server is None or is_unknown(tool_server) or is_unknown(tools):
        return
    server = find(run, "tool-servers", str(tool_server))
    listed = server["tools"] if server is not None else None
    if listed is None or is_unknown(listed):
        return
    for tool in tools:
        if is_unknown(tool) or tool == "*" or tool in listed:
            continue
        near = alike(str(tool), listed)
        hint = f" Did you mean `{plain(near)}`?" if near is not None else ""
        detail = f"Tool server `{plain(tool_server)}` lists no tool `{plain(tool)}`.{hint}"
        ctx.error("Unknown tool", detail, ("tools",))


def alike(name: str, others: Iterable[str], cutoff: float = _SIMILAR) -> str | None:
    """The name most like this one, if one is close. Names that differ in their digits alone are meant to differ."""
    from difflib import get_close_matches  # noqa: PLC0415 -- only for a name that is wrong

    digitless = _without_digits(name)
    candidates = [other for other in others if _without_digits(other) != digitless]
    matches = get_close_matches(name, candidates, n=1, cutoff=cutoff)
    return matches[0] if matches else None


def _without_digits(name: str) -> str:
    return "".join(char for char in name if not char.isdigit())
