"""Results as SARIF 2.1.0, for GitHub code scanning and others."""

from __future__ import annotations

from importlib.metadata import version
from urllib.parse import quote

from leasehold.cli.publishing.places import Places
from leasehold.cli.publishing.results import Result
from leasehold.cli.reports import Json

_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
_SEVERITY = {"critical": "9.5", "high": "8.0", "medium": "5.0", "low": "2.0"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LIMIT = 5_000  # results that GitHub shows of one file


def sarif(found: list[Result], places: Places, *, category: str, whole: bool) -> Json:
    """The log. A rule is a kind of result at one risk, because GitHub takes the severity from the rule."""
    shown = found[:_LIMIT]
    rules = {_rule_id(one): one for one in shown}
    order = sorted(rules)
    driver = {
        "name": "Leasehold",
        "version": version("leasehold"),
        "rules": [_rule(name, rules[name]) for name in order],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"leasehold/{category}/"},
        "invocations": [{"executionSuccessful": whole}],
        "results": [_result(one, order.index(_rule_id(one)), places) for one in shown],
        "properties": {"notShown": len(found) - len(shown)},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule_id(one: Result) -> str:
    return f"{one.rule}-{one.risk}"


def _rule(name: str, one: Result) -> Json:
    words = one.rule.replace("-", " ")
    return {
        "id": name,
        "shortDescription": {"text": f"{words}, {one.risk} risk"},
        "defaultConfiguration": {"level": _LEVELS.get(one.risk, "warning")},
        "properties": {"tags": ["security"], "security-severity": _SEVERITY.get(one.risk, "5.0")},
    }


def _result(one: Result, rule: int, places: Places) -> Json:
    place = places.of(one.address)
    region = {"startLine": place.line}
    return {
        "ruleId": _rule_id(one),
        "ruleIndex": rule,
        "level": _LEVELS.get(one.risk, "warning"),
        "message": {"text": one.text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": quote(place.path)}, "region": region}}],
        "partialFingerprints": {"leasehold/v1": one.fingerprint},
    }
