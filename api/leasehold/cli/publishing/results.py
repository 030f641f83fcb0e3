"""What scanners are told: one result per change or finding, each with a name that stays and a place in the code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leasehold.cli.reports import Json, changes_of
from leasehold.cli.safe_text import visible

_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Result:
    """`fingerprint` covers neither counts nor times; `address` is where the resource is declared, if it is."""

    rule: str
    risk: str
    text: str
    fingerprint: str
    address: str | None


def results(report: Json, agents: Mapping[str, str]) -> list[Result]:
    """Of a drift report or a plan review; `agents` knows the address that declares an agent."""
    if "findings" in report:
        found = [_of_finding(one, agents) for one in report["findings"]]
    else:
        found = [_of_change(one, agents) for one in changes_of(report)]
    return [*found, *_unproven(report)]


def _of_finding(one: Json, agents: Mapping[str, str]) -> Result:
    address = one.get("address") or agents.get(str(one.get("agent")))
    return Result(f"drift-{one['class']}", one["risk"], _text(one), str(one["fingerprint"]), address)


def _of_change(one: Json, agents: Mapping[str, str]) -> Result:
    if "agent" in one:
        rule = "access-gained" if one["gains"] else "access-lost"
        name = _named(rule, one["agent"], one["gains"], one["losses"])
        return Result(rule, one["risk"], _text(one), name, agents.get(one["agent"]))
    rule = f"{one['kind']}-changed"
    name = _named(rule, one["name"], one["sentence"])
    return Result(rule, one["risk"], _text(one), name, one.get("address"))


def _unproven(report: Json) -> Iterator[Result]:
    for one in report["unproven"]:
        attributes = ", ".join(visible(name, 100) for name in one["attributes"])
        text = f"not proven: {visible(one['address'])} has attributes that are not known yet ({attributes})"
        yield Result("unproven", "medium", text, _named("unproven", one["stack"], one["address"]), one["address"])


def _text(one: Json) -> str:
    return visible(f"{one['sentence']} ({', '.join(map(str, one['factors']))})", _LONGEST)


def _named(*parts: object) -> str:
    return "sha256:" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
