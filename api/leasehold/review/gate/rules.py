"""The rules of a gate, as data: what each check and each risk calls for. Read from JSON, refused if unclear."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TypeAlias

from leasehold.model.errors import InvalidValue
from leasehold.review.findings import Risk

MOST_REPLAYED = 10_000
Plain: TypeAlias = Mapping[str, object]


class UnclearRule(InvalidValue):
    """A rule that cannot be meant. `path` is dotted, from the root of the rules; empty for the root itself."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


class Verdict(StrEnum):
    """What may become of a plan. The gravest finding decides."""

    AUTO = "auto"
    NEEDS_APPROVAL = "needs_approval"
    DENY = "deny"

    @property
    def rank(self) -> int:
        """0 (auto) to 2 (deny)."""
        return list(Verdict).index(self)


class Check(StrEnum):
    """What is looked at; terraform-ux §10, C1 to C9."""

    UNKNOWN_REFERENCE = "unknown_reference"
    ABOVE_CEILING = "above_ceiling"
    NEW_ACCESS = "new_access"
    POLICY_WIDENS = "policy_widens"
    FACTS_WIDEN = "facts_widen"
    DELEGATION = "delegation"
    FOUNDATION = "foundation"
    NEW_TO_BASE = "new_to_base"
    NO_BASE = "no_base"
    SEPARATION_OF_DUTY = "separation_of_duty"
    TOXIC_TRIO = "toxic_trio"
    SELF_ESCALATION = "self_escalation"
    WILDCARD = "wildcard"
    CHANGED_TOOL = "changed_tool"
    UNPINNED_TOOL = "unpinned_tool"
    STANDING_PRODUCTION = "standing_production"
    LONG_TTL = "long_ttl"
    OWNER_INACTIVE = "owner_inactive"
    REVIEW_OVERDUE = "review_overdue"
    EXCEPTION_EXPIRED = "exception_expired"
    ASSERTION_FAILED = "assertion_failed"
    REPLAY_ALLOWS = "replay_allows"
    REPLAY_DENIES = "replay_denies"
    NOT_REPLAYED = "not_replayed"
    CONFLICT = "conflict"
    MASS_CHANGE = "mass_change"
    UNPROVEN = "unproven"
    UNPROVEN_IN_PRODUCTION = "unproven_in_production"


_USUAL: Mapping[Check, Verdict] = {
    Check.UNKNOWN_REFERENCE: Verdict.DENY,
    Check.ABOVE_CEILING: Verdict.DENY,
    Check.POLICY_WIDENS: Verdict.NEEDS_APPROVAL,
    Check.FACTS_WIDEN: Verdict.NEEDS_APPROVAL,
    Check.DELEGATION: Verdict.NEEDS_APPROVAL,
    Check.NO_BASE: Verdict.AUTO,
    Check.SEPARATION_OF_DUTY: Verdict.DENY,
    Check.TOXIC_TRIO: Verdict.DENY,
    Check.SELF_ESCALATION: Verdict.DENY,
    Check.WILDCARD: Verdict.NEEDS_APPROVAL,
    Check.CHANGED_TOOL: Verdict.NEEDS_APPROVAL,
    Check.UNPINNED_TOOL: Verdict.AUTO,
    Check.STANDING_PRODUCTION: Verdict.NEEDS_APPROVAL,
    Check.LONG_TTL: Verdict.NEEDS_APPROVAL,
    Check.OWNER_INACTIVE: Verdict.DENY,
    Check.REVIEW_OVERDUE: Verdict.DENY,
    Check.EXCEPTION_EXPIRED: Verdict.DENY,
    Check.ASSERTION_FAILED: Verdict.DENY,
    Check.REPLAY_ALLOWS: Verdict.NEEDS_APPROVAL,
    Check.REPLAY_DENIES: Verdict.NEEDS_APPROVAL,
    Check.NOT_REPLAYED: Verdict.AUTO,
    Check.CONFLICT: Verdict.DENY,
    Check.MASS_CHANGE: Verdict.NEEDS_APPROVAL,
    Check.UNPROVEN: Verdict.NEEDS_APPROVAL,
    Check.UNPROVEN_IN_PRODUCTION: Verdict.DENY,
}
_BY_RISK: Mapping[Risk, Verdict] = {
    Risk.LOW: Verdict.AUTO,
    Risk.MEDIUM: Verdict.NEEDS_APPROVAL,
    Risk.HIGH: Verdict.NEEDS_APPROVAL,
    Risk.CRITICAL: Verdict.NEEDS_APPROVAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """Two sets of tools that no agent may hold together: patterns of `<tool server>/<tool>`."""

    name: str
    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Tools that read private data, bring what strangers wrote, and send out, besides what annotations say."""

    private: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules of a gate. `mass_agents` and `mass_removed_pct` break the circuit; `max_ttl` is in seconds.

    `replayed` is how many of the newest decisions on record are made again, 10,000 at most.
    `receipts` are patterns of stacks: what those write needs the receipt of a reviewed plan.
    """

    checks: Mapping[Check, Verdict] = field(default_factory=lambda: _USUAL)
    new_access: Mapping[Risk, Verdict] = field(default_factory=lambda: _BY_RISK)
    foundations: Mapping[Risk, Verdict] = field(default_factory=lambda: _BY_RISK)
    separations: tuple[Separation, ...] = ()
    labels: Labels = field(default_factory=Labels)
    mass_agents: int = 20
    mass_removed_pct: int = 20
    max_ttl: int = 300
    replayed: int = 1_000
    receipts: tuple[str, ...] = ()

    def verdict(self, check: Check) -> Verdict:
        """What the check calls for."""
        return self.checks.get(check, _USUAL.get(check, Verdict.NEEDS_APPROVAL))

    @property
    def digest(self) -> str:
        """A name for exactly these rules."""
        return "sha256:" + hashlib.sha256(json.dumps(plain_rules(self), sort_keys=True).encode()).hexdigest()


USUAL = Rules()


def rules_of(plain: object) -> Rules:
    """Rules out of JSON, the usual ones where it says nothing. Raises `InvalidValue`: a rule is never skipped."""
    given = _object(plain, "")
    known = {one.name for one in fields(Rules)}
    if unknown := sorted(set(given) - known):
        raise UnclearRule(unknown[0], f"`{unknown[0][:60]}` is no rule; there are {', '.join(sorted(known))}")
    made: dict[str, object] = {name: _READERS[name](value, name) for name, value in given.items()}
    return Rules(**made)  # type: ignore[arg-type]  # each reader makes what its field takes


def plain_rules(rules: Rules) -> dict[str, object]:
    """The same as JSON."""
    return {
        "checks": {**{str(k): str(v) for k, v in _USUAL.items()}, **{str(k): str(v) for k, v in rules.checks.items()}},
        "new_access": {str(risk): str(verdict) for risk, verdict in rules.new_access.items()},
        "foundations": {str(risk): str(verdict) for risk, verdict in rules.foundations.items()},
        "separations": [
            {"name": one.name, "left": list(one.left), "right": list(one.right)} for one in rules.separations
        ],
        "labels": {one.name: list(getattr(rules.labels, one.name)) for one in fields(Labels)},
        "mass_agents": rules.mass_agents,
        "mass_removed_pct": rules.mass_removed_pct,
        "max_ttl": rules.max_ttl,
        "replayed": rules.replayed,
        "receipts": list(rules.receipts),
    }


def _object(plain: object, what: str) -> Plain:
    if not isinstance(plain, Mapping) or not all(isinstance(name, str) for name in plain):
        raise UnclearRule(what, f"{what or 'rules'} must be an object")
    return plain


def _checks(plain: object, what: str) -> Mapping[Check, Verdict]:
    known = {check.value: check for check in _USUAL}
    given = _object(plain, what)
    if unknown := sorted(set(given) - set(known)):
        raise UnclearRule(
            f"{what}.{unknown[0]}", f"{what}: `{unknown[0][:60]}` is no check; there are {', '.join(sorted(known))}"
        )
    return {**_USUAL, **{known[name]: _verdict(value, f"{what}.{name}") for name, value in given.items()}}


def _by_risk(plain: object, what: str) -> Mapping[Risk, Verdict]:
    given = _object(plain, what)
    if unknown := sorted(set(given) - set(Risk)):
        raise UnclearRule(
            f"{what}.{unknown[0]}", f"{what}: `{unknown[0][:60]}` is no risk; there are {', '.join(Risk)}"
        )
    return {**_BY_RISK, **{Risk(name): _verdict(value, f"{what}.{name}") for name, value in given.items()}}


def _verdict(plain: object, what: str) -> Verdict:
    if not isinstance(plain, str) or plain not in set(Verdict):
        raise UnclearRule(what, f"{what} must be {', '.join(Verdict)}")
    return Verdict(plain)


def _separations(plain: object, what: str) -> tuple[Separation, ...]:
    if not isinstance(plain, list):
        raise UnclearRule(what, f"{what} must be a list")
    return tuple(_separation(one, f"{what}.{at}") for at, one in enumerate(plain))


def _separation(plain: object, what: str) -> Separation:
    given = _object(plain, what)
    name = given.get("name")
    if set(given) != {"name", "left", "right"} or not isinstance(name, str) or not name:
        raise UnclearRule(what, f"{what} names itself, and tools `left` and `right`")
    return Separation(
        name=name, left=_tools(given["left"], f"{what}.left"), right=_tools(given["right"], f"{what}.right")
    )


def _labels(plain: object, what: str) -> Labels:
    given = _object(plain, what)
    if unknown := sorted(set(given) - {one.name for one in fields(Labels)}):
        raise UnclearRule(
            f"{what}.{unknown[0]}", f"{what}: `{unknown[0][:60]}` is no label; there are private, untrusted and egress"
        )
    return Labels(**{name: _tools(value, f"{what}.{name}") if value != [] else () for name, value in given.items()})


def _tools(plain: object, what: str) -> tuple[str, ...]:
    said = f"{what} must list tools as `<tool server>/<tool>`, `*` standing for any run of letters"
    if not isinstance(plain, list) or not plain:
        raise UnclearRule(what, said)
    for at, one in enumerate(plain):
        if not isinstance(one, str) or "/" not in one:
            raise UnclearRule(f"{what}.{at}", said)
    return tuple(sorted(plain))


def _stacks(plain: object, what: str) -> tuple[str, ...]:
    if not isinstance(plain, list) or not all(isinstance(one, str) and one for one in plain):
        raise UnclearRule(what, f"{what} must list stacks, `*` standing for any run of letters")
    return tuple(sorted(plain))


def _count(plain: object, what: str) -> int:
    if not isinstance(plain, int) or isinstance(plain, bool) or plain < 0:
        raise UnclearRule(what, f"{what} must be a whole number, 0 or more")
    return plain


def _replayed(plain: object, what: str) -> int:
    count = _count(plain, what)
    if count > MOST_REPLAYED:
        raise InvalidValue(f"{what} must be {MOST_REPLAYED} at most")
    return count


_READERS: Mapping[str, Callable[[object, str], object]] = {
    "checks": _checks,
    "new_access": _by_risk,
    "foundations": _by_risk,
    "separations": _separations,
    "labels": _labels,
    "mass_agents": _count,
    "mass_removed_pct": _count,
    "max_ttl": _count,
    "replayed": _replayed,
    "receipts": _stacks,
}
