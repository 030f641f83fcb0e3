"""GitLab CI jobs, by the project they run in.

In a merge request from a fork `project_*` names the fork, though the job runs in the target project with its runners:
only `job_project_*` says where (https://docs.gitlab.com/ci/secrets/id_token_authentication, GitLab 18.3). A token
without it is refused. All ids are strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import digits, optional_text, text
from leasehold.model.subjects import GitLabSubject, IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

_PROPOSING_SOURCES = frozenset({"merge_request_event", "external_pull_request_event"})
_OF_THE_REF = frozenset({"ci_config_ref_uri", "environment", "ref_path"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GitLabIdentity:
    """A job. `proposes`: it runs code of a merge request, or of a fork, that nobody merged."""

    TYPE: ClassVar[IssuerType] = IssuerType.GITLAB
    project_id: str
    namespace_id: str
    ci_config_ref_uri: str | None
    environment: str | None
    ref_path: str | None
    ref_protected: bool
    proposes: bool


def identify(verified: VerifiedClaims) -> GitLabIdentity:
    """The job that a verified token speaks for. Raises `TokenRefused`."""
    found = verified.claims
    runs_in = digits(found, "job_project_id")
    return GitLabIdentity(
        project_id=runs_in,
        namespace_id=digits(found, "job_namespace_id"),
        ci_config_ref_uri=optional_text(found, "ci_config_ref_uri"),
        environment=optional_text(found, "environment"),
        ref_path=optional_text(found, "ref_path"),
        ref_protected=_flag(text(found, "ref_protected")),
        proposes=text(found, "pipeline_source") in _PROPOSING_SOURCES or digits(found, "project_id") != runs_in,
    )


def unmet(pins: GitLabSubject, identity: GitLabIdentity) -> tuple[str, ...]:
    """The pins that do not hold. A job that proposes is compared by its ids and by the path of its configuration."""
    if identity.proposes:
        failed = claims.unmet(pins, identity, _OF_THE_REF)
        same = pins.ci_config_ref_uri is None or _path(pins.ci_config_ref_uri) == _path(identity.ci_config_ref_uri)
        return failed if same else (*failed, "ci_config_ref_uri")
    failed = claims.unmet(pins, identity)
    return failed if pins.unprotected_ref or identity.ref_protected else (*failed, "unprotected_ref")


def _flag(value: str) -> bool:
    if value not in {"true", "false"}:
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value == "true"


def _path(ci_config_ref_uri: str | None) -> str | None:
    return ci_config_ref_uri.partition("@")[0] if ci_config_ref_uri is not None else None
