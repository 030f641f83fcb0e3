"""What lies beyond the registry and behind a credential profile: as it was when the profile was applied, and now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.credentials import CredentialProfile
from leasehold.model.errors import LeaseholdError
from leasehold.model.plain import plain

Facts = Mapping[str, object]
"""What was seen, by dotted path: JSON values, in one notation."""


class CannotLook(LeaseholdError):
    """The other system was not seen; `str(error)` says why, without secrets."""

    code = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a profile pointed to when it was applied, by `by` at `at`. `facts` None: it could not be seen then.

    `target` is the digest of where the profile pointed: facts of another place are no baseline.
    """

    profile: str
    target: str
    facts: Facts | None = field(hash=False)
    problem: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a profile points to now, or why that was not seen."""

    facts: Facts | None = field(default=None, hash=False)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """One fact that is not as it was, by the first word of its path and the rest. It `came`, `went`, or differs."""

    what: str
    name: str
    came: bool = False
    went: bool = False


@dataclass(frozen=True, slots=True)
class Footprint:
    """What moved over there between `since` and `now` (aware UTC)."""

    moved: tuple[Moved, ...]
    since: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """Who moved it, when (aware UTC), by which operation, how (`via`), and where that is on record over there."""

    actor: str
    at: datetime
    operation: str
    via: str
    record: str


@dataclass(frozen=True, slots=True)
class Trace:
    """Who is known to have moved it, or why nobody is."""

    culprit: Culprit | None = None
    problem: str = ""


def target_digest(profile: CredentialProfile) -> str:
    """Names where a profile points, and how narrow it is cut there; not who may draw of it."""
    text = json.dumps([type(profile.target).__name__, plain(profile.target)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
