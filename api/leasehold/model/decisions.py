"""What was decided, and by what. Named tuples where a decision makes one on every call."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from leasehold.model.policies import PolicySide


class Reason(StrEnum):
    """Why, in one word; the words of the audit log."""

    GRANTED = "granted"
    PERMITTED = "permitted"
    NOTHING_GRANTED = "nothing_granted"
    GRANT_EXPIRED = "grant_expired"
    RESOURCE_NOT_GRANTED = "resource_not_granted"
    ARGUMENTS_NOT_GRANTED = "arguments_not_granted"
    CONDITION_NOT_MET = "condition_not_met"
    NOT_PERMITTED = "not_permitted"
    FORBIDDEN = "forbidden"
    EVALUATION_ERROR = "evaluation_error"
    ENTITY_MISSING = "entity_missing"
    SCHEMA_VIOLATION = "schema_violation"
    UNKNOWN_ACTION = "unknown_action"
    ENGINES_DISAGREE = "engines_disagree"
    NOT_CURRENT = "not_current"

    def __init__(self, word: str) -> None:
        self.allows = word in {"granted", "permitted"}
        """True for the two reasons to say yes. An attribute, for every decision asks."""


class SideOutcome(NamedTuple):
    """What one side says. `determining` are the ids of the policies, and `grant:<name>` of grants, that made it so.

    `failed` are policies that could not be evaluated. `would_allow` is what the side would say if its log-only policies
    were enforced, None where it has none for this question.
    """

    side: PolicySide
    reason: Reason
    determining: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    would_allow: bool | None = None
    detail: str = ""

    @property
    def allowed(self) -> bool:
        """True if the side says yes."""
        return self.reason.allows


class Decision(NamedTuple):
    """The answer: both sides' outcomes where there are two, and the version of the policies that gave it.

    `detail` says which argument, attribute or entity was wrong; it never holds a value.
    """

    reason: Reason
    sides: tuple[SideOutcome, ...]
    version: str
    detail: str = ""

    @property
    def allowed(self) -> bool:
        """True if every side says yes."""
        return self.reason.allows

    @property
    def would_flip(self) -> bool:
        """True if enforcing the log-only policies would turn this decision round."""
        would = all(side.allowed if side.would_allow is None else side.would_allow for side in self.sides)
        return bool(self.sides) and would is not self.allowed
