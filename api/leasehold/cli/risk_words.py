"""Risks and their reasons in the words of a comment."""

from __future__ import annotations

from collections.abc import Iterable

from leasehold.cli.reports import LEVELS, Json, rank
from leasehold.cli.safe_text import cell, words

LIGHTS = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "⚪", "": "✅"}
_IN_WORDS = {
    "read": "reads",
    "write": "writes",
    "destructive action": "destructive",
    "executes code": "runs code",
    "standing": "no end date",
    "production": "in production",
    "wildcard": "covers what does not exist yet",
    "out of band": "made outside the code",
}
CLASSES = {
    "unmanaged": "not in the code",
    "missing": "gone",
    "widened": "wider than declared",
    "narrowed": "narrower than declared",
    "overstay": "past its end",
    "conflict": "declared twice",
    "external": "changed at the other side",
    "tool_surface": "the server shows other tools",
    "binding": "who can become an agent",
    "ceiling": "an upper bound",
}


def worst(found: Iterable[Json]) -> str:
    """The gravest risk of all; empty for none, or for words that we do not know."""
    ranks = [rank(one["risk"]) for one in found]
    top = max(ranks, default=0)
    return LEVELS[top - 1] if top else ""


def risk_cell(one: Json) -> str:
    """A light and the word beside it, for who sees no colours."""
    risk = str(one["risk"])
    return f"{LIGHTS.get(risk, '⚪')}&nbsp;**{words(risk)}**"


def reasons(one: Json) -> str:
    """Why the risk is what it is."""
    return cell(" · ".join(_IN_WORDS.get(factor, str(factor)) for factor in one["factors"]))
