"""GitHub Actions runs, by the ids that no rename moves, never by `sub`, which changed its form in 2026."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims
from leasehold.model.trust import GitHubActionsSubject

# They run with the base repository's trust on what a stranger proposed.
_REFUSED_EVENTS = frozenset({"pull_request_target"})
# They run what a pull request proposes, as far as that is visible in the event; the ref tells the rest.
_PROPOSING_EVENTS = frozenset({"pull_request", "pull_request_review", "pull_request_review_comment"})
_PROPOSED_REFS = "refs/pull/"


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubIdentity:
    """A workflow run. `proposes`: it runs code of a pull request that nobody merged."""

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
    event, ref = _text(verified, "event_name"), _text(verified, "ref")
    if event in _REFUSED_EVENTS:
        raise TokenRefused(Flaw.EVENT_REFUSED)
    return GitHubIdentity(
        repository=_text(verified, "repository"),
        repository_id=_text(verified, "repository_id"),
        repository_owner_id=_text(verified, "repository_owner_id"),
        job_workflow_ref=_text(verified, "job_workflow_ref"),
        ref=ref,
        environment=_text(verified, "environment") if "environment" in verified.claims else None,
        run_id=_text(verified, "run_id"),
        proposes=event in _PROPOSING_EVENTS or ref.startswith(_PROPOSED_REFS),
    )


def matches(pins: GitHubActionsSubject, identity: GitHubIdentity) -> bool:
    """True iff every pin holds.

    A run that proposes cannot be on the ref or in the environment it proposes for, and its workflow file carries its
    own ref: of such a run the ids and the path of the file are compared.
    """
    same = pins.repository_id == identity.repository_id and pins.repository_owner_id == identity.repository_owner_id
    if identity.proposes:
        return same and _holds(_path(pins.job_workflow_ref), _path(identity.job_workflow_ref))
    return (
        same
        and _holds(pins.job_workflow_ref, identity.job_workflow_ref)
        and _holds(pins.environment, identity.environment)
        and _holds(pins.ref, identity.ref)
    )


def _holds(pin: str | None, value: str | None) -> bool:
    return pin is None or pin == value


def _path(job_workflow_ref: str | None) -> str | None:
    return job_workflow_ref.partition("@")[0] if job_workflow_ref is not None else None


def _text(verified: VerifiedClaims, claim: str) -> str:
    value = verified.claims.get(claim)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value
