"""Results as GitLab's Code Quality report: an array of issues in the shape of Code Climate's."""

from __future__ import annotations

import hashlib

from leasehold.cli.publishing.places import Places
from leasehold.cli.publishing.results import Result
from leasehold.cli.reports import Json

_SEVERITY = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor"}


def code_quality(found: list[Result], places: Places) -> list[Json]:
    """One issue per result; a fingerprint is told once, for GitLab keeps one of two."""
    return [_issue(one, places) for one in {one.fingerprint: one for one in reversed(found)}.values()][::-1]


def _issue(one: Result, places: Places) -> Json:
    place = places.of(one.address)
    return {
        "description": one.text,
        "check_name": f"leasehold-{one.rule}",
        "fingerprint": hashlib.sha256(one.fingerprint.encode()).hexdigest(),
        "severity": _SEVERITY.get(one.risk, "major"),
        "location": {"path": place.path, "lines": {"begin": place.line}},
    }
