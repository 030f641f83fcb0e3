"""Buildkite jobs, by the ids of organisation and pipeline: every organisation has the same issuer, and slugs move.

The agent puts the ids into a token on request alone (https://buildkite.com/docs/agent/v3/cli-oidc); a token without
them is refused. No claim tells a pull request's build: pipelines that build forks must prefix their branches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import optional_text, text
from leasehold.model.subjects import BuildkiteSubject, IssuerType
from leasehold.model.tokens import VerifiedClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildkiteIdentity:
    """A job of a pipeline."""

    TYPE: ClassVar[IssuerType] = IssuerType.BUILDKITE
    organization_id: str
    pipeline_id: str
    build_branch: str
    build_tag: str | None
    step_key: str | None
    proposes: bool = False


def identify(verified: VerifiedClaims) -> BuildkiteIdentity:
    """The job that a verified token speaks for. Raises `TokenRefused`."""
    found = verified.claims
    return BuildkiteIdentity(
        organization_id=text(found, "organization_id"),
        pipeline_id=text(found, "pipeline_id"),
        build_branch=text(found, "build_branch"),
        build_tag=optional_text(found, "build_tag"),
        step_key=optional_text(found, "step_key"),
    )


def unmet(pins: BuildkiteSubject, identity: BuildkiteIdentity) -> tuple[str, ...]:
    """The pins that do not hold."""
    return claims.unmet(pins, identity)
