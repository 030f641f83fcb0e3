"""GitHub Actions runs, by the ids that no rename moves, never by `sub`, which changed its form in 2026."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import text
from leasehold.model.subjects import GitHubActionsSubject, IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

# They run with the base repository's trust on what a stranger proposed.
_REFUSED_EVENTS = frozenset({"pull_request_target"})
# They run what a pull request proposes, as far as that is visible in the event; the ref tells the rest.
_PROPOSING_EVENTS = frozenset({"pull_request", "pull_request_review", "pull_request_review_comment"})
_PROPOSED_REFS = "refs/pull/"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubIdentity:
    """A workflow run. `proposes`: it runs code of a pull request that nobody merged."""

    TYPE: ClassVar[IssuerType] = IssuerType.GITHUB_ACTIONS
    repository: str
    repository_id: str
    repository_owner_id: str
    job_workflow_ref: str
    ref: str
    environment: str | None
    run_id: str
    proposes: bool


def identify(verified: VerifiedClaims) -> GitHubIdentity:
    """The run that a verified token speaks for. Raises `TokenRefused`."""
    found = verified.claims
    event, ref = text(found, "event_name"), text(found, "ref")
    if event in _REFUSED_EVENTS:
        raise TokenRefused(Flaw.EVENT_REFUSED)
    return GitHubIdentity(
        repository=text(found, "repository"),
        repository_id=text(found, "repository_id"),
        repository_owner_id=text(found, "repository_owner_id"),
        job_workflow_ref=text(found, "job_workflow_ref"),
        ref=ref,
        environment=text(found, "environment") if "environment" in found else None,
        run_id=text(found, "run_id"),
        proposes=event in _PROPOSING_EVENTS or ref.startswith(_PROPOSED_REFS),
    )


def unmet(pins: GitHubActionsSubject, identity: GitHubIdentity) -> tuple[str, ...]:
    """The pins that do not hold.

    A run that proposes cannot be on the ref or in the environment it proposes for, and its workflow file carries its
    own ref: of such a run the ids and the path of the file are compared.
    """
    if not identity.proposes:
        return claims.unmet(pins, identity)
    failed = claims.unmet(pins, identity, frozenset({"ref", "environment", "job_workflow_ref"}))
    if pins.job_workflow_ref is not None and _path(pins.job_workflow_ref) != _path(identity.job_workflow_ref):
        return (*failed, "job_workflow_ref")
    return failed


def _path(job_workflow_ref: str) -> str:
    return job_workflow_ref.partition("@")[0]
