"""What was proved of a change, in words: the call that shows it, or that nobody could tell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from leasehold.cli.reports import Json
from leasehold.cli.safe_text import cell, cell_code

UNPROVEN, EQUIVALENT, NARROWS = "unproven", "equivalent", "narrows"
WIDER = frozenset({"widens", "both"})
_IDLE = frozenset({EQUIVALENT, NARROWS})
_LESS = frozenset({NARROWS, "both"})
_SHOWN = 2
EVERY_TOOL = "*"


def proofs_of(gains: Sequence[Json], proofs: Sequence[Json]) -> dict[tuple[str, str], list[Json]]:
    """Of each tool that is gained, what was proved; an empty list: nothing."""
    by_tool: dict[tuple[str, str], list[Json]] = {}
    by_server: dict[str, list[Json]] = {}
    for one in proofs:
        by_tool.setdefault((one["tool_server"], one["tool"]), []).append(one)
        by_server.setdefault(one["tool_server"], []).append(one)
    tools = sorted({(one["tool_server"], one["tool"]) for one in gains})
    return {key: by_server.get(key[0], []) if key[1] == EVERY_TOOL else by_tool.get(key, []) for key in tools}


def is_idle(proofs: Sequence[Json]) -> bool:
    """True if it is proved that a gain lets nobody call more than before."""
    return bool(proofs) and all(one["movement"] in _IDLE for one in proofs)


def is_wider(proofs: Sequence[Json]) -> bool:
    """True if a call shows that a gain lets more be called."""
    return any(one["movement"] in WIDER for one in proofs)


def proof_lines(found: dict[tuple[str, str], list[Json]], *, most: int = _SHOWN) -> list[str]:
    """Lines for a cell: calls that show a gain, then what nobody could tell; the first few, and the number of others.

    What is unproven is always said: it takes the place of a call if need be.
    """
    every = list({id(one): one for several in found.values() for one in several}.values())
    shown = [_proved(one) for one in every if one["movement"] in WIDER and one["witness"]]
    shown += [_less(one) for one in every if one["movement"] in _LESS and one.get("facts")]
    unsure = [_unproven(one) for one in every if one["movement"] == UNPROVEN]
    unsure += [f"⚠️ **unproven:** nothing was proved of {_tool(*key)}" for key, proofs in found.items() if not proofs]
    idle = [key for key, proofs in found.items() if is_idle(proofs) and not any(one.get("facts") for one in proofs)]
    said = [f"**proved:** policies let it call no more of {_tools(idle)} than before"] if idle else []
    first = [*shown[:most], *unsure[:most], *said]
    missing = len(shown) + len(unsure) + len(said) - len(first)
    return [*first, *([f"and {missing} more proofs, below"] if missing else [])]


def _proved(proof: Json) -> str:
    named = bool(proof.get("facts"))
    return f"**proved:** {call_of(proof['witness'], named=named)}, and could not before{_alike(proof)}"


def _less(proof: Json) -> str:
    on = f" on {cell_code(proof['resource'])}" if proof["resource"] else ""
    on_behalf = f" for {cell_code(proof['user'])}" if proof["user"] else ""
    return f"**proved:** {cell_code(proof['tool'])}{on}{on_behalf}: less can be called than before{_alike(proof)}"


def _alike(proof: Json) -> str:
    return f" (so for {proof['alike']} more)" if proof.get("alike") else ""


def call_of(witness: Json, *, named: bool = False) -> str:
    """The call that shows a widening: `triage` can call `pay` on `account:x` with `{"amount": 101}`."""
    supposed = [cell(str(one)) for one in witness.get("supposed") or ()]
    who = cell_code(witness["agent"]) if witness.get("agent") and (named or not supposed) else "an agent"
    on_behalf = f" for {cell_code(witness['user'])}" if witness.get("user") else ""
    arguments, context = witness.get("arguments"), witness.get("context")
    given = f" with {_json(arguments)}" if arguments else ""
    seen = f" in context {_json(context)}" if context else ""
    if_so = f" (supposing {', '.join(supposed)})" if supposed else ""
    where = f" on {cell_code(witness['resource'])}"
    return f"{who}{on_behalf} can call {cell_code(witness['tool'])}{given}{where}{seen}{if_so}"


def policy_lines(proofs: Sequence[Json]) -> Iterator[str]:
    """Bullets about changes of policies that concern whoever they concern."""
    for one in proofs:
        tool = cell_code(f"{one['tool_server']}/{one['tool']}")
        side = "agents" if one["side"] == "agent" else "people"
        if one["movement"] in WIDER:
            shown = f": {call_of(one['witness'])}" if one["witness"] else ""
            also = " (and denied what was allowed)" if one["movement"] == "both" else ""
            yield f"- {tool}, for {side}: **proved** that more is allowed than before{also}{shown}"
        elif one["movement"] == UNPROVEN:
            yield f"- {tool}, for {side}: {_unproven(one)}"
        elif one["movement"] == NARROWS:
            yield f"- {tool}, for {side}: **proved** that less is allowed than before"
        else:
            yield f"- {tool}, for {side}: **proved** that the same is allowed as before"


def _unproven(one: Json) -> str:
    why = f" ({cell_code(one['why'])})" if one.get("why") else ""
    on = f" on {cell_code(one['resource'])}" if one.get("resource") else ""
    on_behalf = f" for {cell_code(one['user'])}" if one.get("user") else ""
    return f"⚠️ **unproven:** {_tool(one['tool_server'], one['tool'])}{on}{on_behalf}{why}"


def _tools(keys: list[tuple[str, str]]) -> str:
    shown = [_tool(*key) for key in keys[:3]]
    return ", ".join(shown) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")  # noqa: PLR2004  said above


def _tool(server: str, tool: str) -> str:
    return f"every tool of {cell_code(server)}" if tool == EVERY_TOOL else cell_code(tool)


def _json(value: object) -> str:
    return cell_code(json.dumps(value, ensure_ascii=False, sort_keys=True))
