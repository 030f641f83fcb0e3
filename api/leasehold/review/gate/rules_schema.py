"""JSON Schema of a gate's rules, for editors and for pipelines: it takes exactly what the gate takes."""

from __future__ import annotations

from leasehold.review.findings import Risk
from leasehold.review.gate.rules import _USUAL, USUAL, Check, Verdict, plain_rules

Schema = dict[str, object]
_TITLES = {
    "checks": "What each check calls for",
    "new_access": "What new access calls for, by its risk",
    "foundations": "What a change of bindings, issuers, ceilings and owners calls for, by its risk",
    "separations": "Tools that no agent may hold together",
    "labels": "Tools that read private data, bring what strangers wrote, and send out",
    "mass_agents": "More agents than this gaining or losing at once are a mass change",
    "mass_removed_pct": "More grants than this, in per cent, taken away at once are a mass change",
    "max_ttl": "Tokens of agents that live longer, in seconds, are long",
    "replayed": "How many of the newest decisions on record are made again in the planned world",
    "receipts": "Patterns of stacks: what those write needs the receipt of a reviewed plan",
}


def rules_schema() -> Schema:
    """The schema; what a file does not say is as usual, and stands here as `default`."""
    usual = plain_rules(USUAL)
    count: Schema = {"type": "integer", "minimum": 0}
    tools: Schema = {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "/"}}
    shapes: dict[str, Schema] = {
        "checks": _verdicts([check.value for check in Check if check in _USUAL]),
        "new_access": _verdicts([risk.value for risk in Risk]),
        "foundations": _verdicts([risk.value for risk in Risk]),
        "separations": {
            "type": "array",
            "items": _object({"name": {"type": "string", "minLength": 1}, **_sides(tools)}),
        },
        "labels": _labels(),
        "mass_agents": count,
        "mass_removed_pct": count,
        "max_ttl": count,
        "replayed": {**count, "maximum": 10_000},
        "receipts": {"type": "array", "items": {"type": "string", "minLength": 1}},
    }
    named = {name: {"title": _TITLES[name], **shape, "default": usual[name]} for name, shape in shapes.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:leasehold:schema:gate-rules",
        "title": "Rules of the gate",
        "type": "object",
        "additionalProperties": False,
        "properties": named,
    }


def _verdicts(names: list[str]) -> Schema:
    verdict = {"enum": [one.value for one in Verdict]}
    return {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(names, verdict)}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(properties),
        "properties": properties,
    }


def _sides(tools: Schema) -> Schema:
    return {"left": tools, "right": tools}


def _labels() -> Schema:
    tools = {"type": "array", "items": {"type": "string", "pattern": "/"}}
    names = ("private", "untrusted", "egress")
    return {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(names, tools)}
