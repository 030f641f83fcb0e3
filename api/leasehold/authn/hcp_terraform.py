"""Runs of HCP Terraform, by ids; names of organisations, projects and workspaces can be taken by others.

Each phase of a run gets a token of its own (https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens):
a plan runs what somebody proposes, an apply what was accepted. Any other phase is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from leasehold.authn import claims
from leasehold.authn.claims import text
from leasehold.model.subjects import HcpTerraformSubject, IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

_PROPOSES = {"plan": True, "apply": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class HcpTerraformIdentity:
    """One phase of a run. `proposes`: it plans."""

    TYPE: ClassVar[IssuerType] = IssuerType.HCP_TERRAFORM
    organization_id: str
    project_id: str
    workspace_id: str
    run_id: str
    proposes: bool


def identify(verified: VerifiedClaims) -> HcpTerraformIdentity:
    """The run that a verified token speaks for. Raises `TokenRefused`."""
    found = verified.claims
    phase = text(found, "terraform_run_phase")
    if phase not in _PROPOSES:
        raise TokenRefused(Flaw.EVENT_REFUSED)
    if not verified.subject.endswith(f":run_phase:{phase}"):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return HcpTerraformIdentity(
        organization_id=text(found, "terraform_organization_id"),
        project_id=text(found, "terraform_project_id"),
        workspace_id=text(found, "terraform_workspace_id"),
        run_id=text(found, "terraform_run_id"),
        proposes=_PROPOSES[phase],
    )


def unmet(pins: HcpTerraformSubject, identity: HcpTerraformIdentity) -> tuple[str, ...]:
    """The pins that do not hold."""
    return claims.unmet(pins, identity)
