"""What is known of a credential before it is made: its name over there, its end, its longest life. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from leasehold.model.credentials import (
    AwsEnding,
    AwsSession,
    Federation,
    GitHubInstallation,
    PostgresqlLogin,
    Target,
)
from leasehold.model.external import Ending

GITHUB_LIFE = timedelta(hours=1)  # of an installation token; GitHub offers no other
_MINTING_TAKES = timedelta(seconds=60)  # the other clock starts when the other side answers
_SHOWN_OF_AGENT = 31  # RoleSessionName takes 64 characters, of which the id needs 32 and the dot one


@dataclass(frozen=True, slots=True)
class Expectation:
    """`live_until` is the latest instant at which it dies by itself, if all goes as badly as it can."""

    reference: str
    ending: Ending
    live_until: datetime


def expect(target: Target, credential_id: str, agent: str, now: datetime, ends: datetime) -> Expectation:
    """What will become of a credential of this target that should be dead at `ends`."""
    match target:
        case AwsSession():
            denied = target.on_revoke is AwsEnding.DENY_SESSION
            life = target.life(ends - now) + _MINTING_TAKES
            reference = f"{agent[:_SHOWN_OF_AGENT]}.{credential_id}"
            return Expectation(reference, Ending.DENY_SESSION if denied else Ending.EXPIRY, now + life)
        case PostgresqlLogin():
            return Expectation(f"leasehold_{credential_id}", Ending.TERMINATE_SESSIONS, ends)
        case GitHubInstallation():
            return Expectation(f"leasehold-{credential_id}", Ending.DELETE_TOKEN, now + GITHUB_LIFE + _MINTING_TAKES)
        case Federation():
            expiry = min(ends, now + timedelta(seconds=target.token_ttl))
            return Expectation(credential_id, Ending.EXPIRY, expiry)
        case _:
            assert_never(target)
