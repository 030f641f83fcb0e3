"""Beyond the registry: has what a credential profile points to changed since the profile was applied?

Not to have looked is unproven, never ok: without a baseline, or with a system that did not answer, nobody can tell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.credentials import AwsSession, CredentialProfile, GitHubInstallation
from leasehold.model.kinds import Kind
from leasehold.model.outside import Baseline, Facts, Footprint, Look, Moved, Trace, target_digest
from leasehold.review.declared import Declared, DeclaredObject
from leasehold.review.drafts import Draft
from leasehold.review.findings import Delta, DriftClass, Unproven
from leasehold.review.moves import Move, Shift, combined
from leasehold.review.quotation import quoted
from leasehold.review.risk import Assessment
from leasehold.review.worlds import Live

ATTRIBUTE = "external"
_SHOWN = 3
_NOBODY = "nobody was asked"
_RANKS = {"none": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Outside:
    """What is on record of the world beyond, what was seen of it now, and who changed it, by profile."""

    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)
    traces: Mapping[str, Trace] = field(default_factory=dict)


NOTHING_SEEN = Outside()


def is_visible(profile: CredentialProfile) -> bool:
    """True if something can be looked at where the profile points."""
    return isinstance(profile.target, AwsSession | GitHubInstallation)


def visible_profiles(declared: Declared, live: Live) -> Iterator[tuple[DeclaredObject, CredentialProfile]]:
    """The declared profiles that live and point to what can be looked at."""
    for key, one in sorted(declared.by_key.items()):
        spec = live.world.find(*key)
        if isinstance(spec, CredentialProfile) and is_visible(spec):
            yield one, spec


def compared(declared: Declared, live: Live, outside: Outside) -> Iterator[Draft | Unproven]:
    """For each such profile: nothing if it is as it was, what moved, or why nobody can tell."""
    for source, spec in visible_profiles(declared, live):
        baseline, look = outside.baselines.get(source.name), outside.looks.get(source.name, Look())
        problem = _problem(spec, baseline, look)
        if problem:
            yield Unproven(source.address, source.stack, (ATTRIBUTE,), problem)
        elif baseline is not None and baseline.facts is not None and look.facts is not None:
            moved = tuple(_deltas(baseline.facts, look.facts))
            if moved:
                yield _draft(source.name, baseline, moved, outside.traces.get(source.name, Trace(problem=_NOBODY)))


def _problem(spec: CredentialProfile, baseline: Baseline | None, look: Look) -> str:
    if baseline is None:
        return "nothing is on record of what it pointed to when it was applied"
    if baseline.facts is None:
        return f"what it pointed to was not seen when it was applied: {baseline.problem}"
    if baseline.target != target_digest(spec):
        return "what is on record is of another target"
    if look.facts is None:
        return look.problem or "nobody looked"
    return ""


def _deltas(was: Facts, now: Facts) -> Iterator[Delta]:
    for path in sorted(was.keys() | now.keys()):
        before, after = was.get(path), now.get(path)
        if json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True):
            yield Delta(path, before, after)


def footprints(profiles: Mapping[str, CredentialProfile], outside: Outside, now: datetime) -> Mapping[str, Footprint]:
    """What moved over there, by profile: what to ask the other system about."""
    found: dict[str, Footprint] = {}
    for name, spec in profiles.items():
        baseline, look = outside.baselines.get(name), outside.looks.get(name, Look())
        if _problem(spec, baseline, look) or baseline is None or baseline.facts is None or look.facts is None:
            continue
        moved = tuple(_moved(one) for one in _deltas(baseline.facts, look.facts))
        if moved:
            found[name] = Footprint(moved, baseline.at, now)
    return found


def _moved(one: Delta) -> Moved:
    what, _, name = one.path.partition(".")
    return Moved(what, name, came=one.declared is None, went=one.live is None)


def _draft(name: str, baseline: Baseline, moved: tuple[Delta, ...], trace: Trace) -> Draft:
    shift = shift_of(moved)
    paths = ", ".join(quoted(one.path) for one in moved[:_SHOWN])
    more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    sentence = (
        f"what credential profile {quoted(name)} points to has changed: {paths}{more} "
        f"(recorded when {quoted(baseline.by)} applied it)"
    )
    found = Assessment(shift.rank, shift.factors)
    key = (Kind.CREDENTIAL_PROFILES, name)
    return Draft(DriftClass.EXTERNAL, key, None, sentence, found, moved=shift, beyond=moved, trace=trace)


def shift_of(moved: tuple[Delta, ...]) -> Shift:
    """All that moved beyond the registry, added up."""
    return combined(step for one in moved for step in _moves(one))


def _moves(one: Delta) -> Iterator[Move]:
    what = one.path.partition(".")[0]
    match what:
        case "trust_policy":
            yield Move(+1, 4, "others may take the role")
        case "attached_policies" | "inline_policies":
            yield (
                Move(+1, 3, "the role can do something else")
                if one.live is not None
                else Move(-1, 2, "a policy of the role is gone")
            )
        case "permissions_boundary":
            yield Move(+1, 3, "the role is bounded otherwise")
        case "max_session_duration":
            yield _sized(one, "sessions may be longer", "sessions must be shorter")
        case "permissions":
            yield _sized(one, "the installation may do more", "the installation may do less")
        case "repositories" | "repository_selection":
            more = one.declared is None or one.live == "all"
            yield Move(+1, 2, "more repositories") if more else Move(-1, 1, "fewer repositories")
        case _:
            yield Move(0, 2, "the other side changed")


def _sized(one: Delta, more: str, less: str) -> Move:
    was, now = _rank(one.declared), _rank(one.live)
    return Move(+1, 2, more) if now > was else Move(-1, 1, less)


def _rank(value: object) -> int:
    if isinstance(value, int):
        return value
    return _RANKS.get(value, len(_RANKS)) if isinstance(value, str) else 0
