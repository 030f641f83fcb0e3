"""Tool pins: what of a tool server somebody looked at and approved, whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Entry, collector_of, refer
from leasehold_cdktf.names import literal, local_name

_PARTS = ("title", "description", "inputSchema", "outputSchema", "annotations")
Surface = str | Path | Mapping[str, Any]  # Any: JSON


class ToolPin(Entry, Construct):
    """Approves the tools of a server as they are now. What is new, or not as approved, is hidden and denied.

    One pin per server. Changes of it are for approvers and security administrators.

    Args:
        tool_server: Whose tools.
        surface: All that the server shows a model: its answer to `tools/list`, all pages in one, its result, or the
            file that it is kept in (`leasehold tools fetch` writes one), with the server's `instructions` beside
            `tools`.
        justification: What was looked at, and why it is fine.

    Raises:
        ValueError: the surface is no list of tools, one page of several, or lists a tool twice; or nobody says why.
    """

    KIND = "leasehold_tool_pin"

    def __init__(
        self, scope: Construct, id_: str, *, tool_server: Entry | str, surface: Surface, justification: str
    ) -> None:
        if not justification.strip():
            raise ValueError("justification is empty: say what was looked at, and why it is fine")
        text = literal(json.dumps(_plain(surface), sort_keys=True))
        Construct.__init__(self, scope, id_)
        Entry.__init__(self, collector_of(scope), tool_server if isinstance(tool_server, str) else tool_server.name)
        attributes = {
            "tool_server": refer(tool_server, self.collector),
            "surface": text,
            "justification": literal(justification),
        }
        self.collector.add(self.KIND, local_name(self.name), attributes)


def _plain(surface: Surface) -> dict[str, Any]:  # Any: JSON
    """What a model is shown of the surface: tools by name, and the instructions."""
    found = surface if isinstance(surface, Mapping) else _read(Path(surface))
    result = found.get("result", found)
    if not _has_tools(result):
        raise ValueError("surface is no answer to `tools/list`: it has no `tools`")
    if result.get("nextCursor") is not None:
        raise ValueError("surface is one page of several: put all tools of the server into one list")
    tools = result["tools"]
    listed = tools if isinstance(tools, list) else [{"name": name, **tool} for name, tool in tools.items()]
    by_name = {one["name"]: {part: one[part] for part in _PARTS if part in one} for one in listed}
    if len(by_name) != len(listed):
        raise ValueError("surface lists a tool twice")
    instructions = result.get("instructions", found.get("instructions")) or ""
    return {"instructions": instructions, "tools": by_name}


def _has_tools(result: object) -> bool:
    return isinstance(result, Mapping) and isinstance(result.get("tools"), list | Mapping)


def _read(path: Path) -> Mapping[str, Any]:  # Any: as above
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except ValueError as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from None
    return found if isinstance(found, dict) else {}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
