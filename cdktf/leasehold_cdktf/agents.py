"""Agents: an agent, what it may do, the claim that this is all it may do, and its deployment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.clients import OAuthClient
from leasehold_cdktf.collector import Declared, refer
from leasehold_cdktf.deployments import Deployment, OwnDeployment
from leasehold_cdktf.grants import Grant
from leasehold_cdktf.manifest import Manifest, ManifestSource
from leasehold_cdktf.names import check_depth, check_name, check_ttl, day, local_name
from leasehold_cdktf.people import Owner
from leasehold_cdktf.subjects import Claim, GitHubActions, Kubernetes, Subject
from leasehold_cdktf.tools import NamedToolServer, ToolServer
from leasehold_cdktf.trust import TrustIssuer, proof
from leasehold_cdktf.workload import Identity, bind

_NAME_LIMIT = 63
_DIGEST = 8


class Agent(Declared):
    """A registered principal that is neither a person nor a service account.

    Emits `leasehold_agent`, a `leasehold_grant` for each grant, `leasehold_agent_grants_exclusive` and
    `leasehold_deployment`. They are destroyed in the safe order: first the deployment, which ends every lease, then
    the grants, then the agent.

    Args:
        owner: The person who answers for it.
        review_by: The day to confirm it again: `2027-05-01` or a date.
        grants: All it may do; `[]` is nothing.
        description: One line for reports.
        environment: Such as `prod`; ceilings of that environment apply.
        state: `suspended` refuses it tokens and kills those it has.
        max_ttl: The longest life of its tokens, 60 to 300 seconds.
        may_delegate_to: Agents that it may hand a part of its authority to, always less than it has itself. The others
            are declared first; a cycle of agents that name each other cannot be created.
        client: How it proves itself as an OAuth client, where it does more than bring a workload token.
        max_delegation_depth: How many levels of sub-agents may stand below it, 0 to 4; 3 if left out.
        exclusive: Claim that `grants` is the whole set, so that a grant added behind this stack's back shows as drift
            and the next apply removes it. Turn it off only where several stacks grant to one agent.
        deployment: Bring a deployment of the agent's name along.
        commit: What is deployed; a new commit is a new epoch, and ends the leases of the old one.
        run_url: The CI run that deployed it.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: a value breaks the registry's grammar, or a grant is given twice.
    """

    KIND = "leasehold_agent"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        owner: Owner | str,
        review_by: str | date,
        grants: Sequence[Grant],
        description: str | None = None,
        environment: str | None = None,
        state: Literal["active", "suspended"] = "active",
        max_ttl: int | None = None,
        may_delegate_to: Sequence[Agent | str] = (),
        max_delegation_depth: int | None = None,
        client: OAuthClient | None = None,
        exclusive: bool = True,
        deployment: bool = True,
        commit: str = "",
        run_url: str = "",
        name: str | None = None,
    ) -> None:
        check_ttl(max_ttl, "max_ttl")
        check_depth(max_delegation_depth, "max_delegation_depth")
        super().__init__(scope, id_, name)
        self.grants = tuple(grants)
        self.declare(
            {
                "owner": refer(owner, self.collector),
                "review_by": day(review_by, "review_by"),
                "description": description,
                "environment": None if environment is None else check_name(environment, "environment"),
                "state": None if state == "active" else state,
                "max_ttl": max_ttl,
                "may_delegate_to": sorted(refer(agent, self.collector) for agent in may_delegate_to) or None,
                "max_delegation_depth": max_delegation_depth,
                **(client.attributes() if client is not None else {}),
            }
        )
        self.settled_by = self._declare_grants(exclusive=exclusive)
        self.deployment = OwnDeployment(self, commit, run_url) if deployment else None

    def _declare_grants(self, *, exclusive: bool) -> tuple[str, ...]:
        reference = refer(self, self.collector)
        addresses = tuple(grant.declare(self.name, reference, self.collector) for grant in self.grants)
        if not exclusive:
            return addresses
        claim = {"agent": reference, "grants": [f"${{{address}.id}}" for address in sorted(addresses)]}
        self.collector.add("leasehold_agent_grants_exclusive", local_name(self.name), claim)
        return (f"leasehold_agent_grants_exclusive.{local_name(self.name)}",)

    def bind_workload(  # noqa: PLR0913  one keyword per choice
        self,
        manifest: ManifestSource,
        *,
        trust_issuer: TrustIssuer | str,
        audience: str,
        workload: str | None = None,
        container: str | None = None,
        namespace: str | None = None,
        token_ttl: int = 900,
        endpoint: str | None = None,
        resource: str | None = None,
        deployment: Deployment | None = None,
        service_account_uid: str | None = None,
    ) -> Manifest:
        """Make the workload of a Kubernetes manifest this agent, and return the manifest that does so.

        The result has a service account (the workload's own, or one named like the agent), a projected token for
        `audience`, the label `leasehold.dev/agent`, and `LEASEHOLD_*` in the container's environment. This stack binds
        that service account to the agent. The input is not changed, and binding the result again changes nothing.

        Args:
            manifest: YAML text, the path of a YAML file, or the documents.
            trust_issuer: The cluster, as the registry knows it.
            audience: What the pod's token is made for: one of the trust issuer's audiences.
            workload: `kind/name`, such as `Deployment/triage`, if the manifest has several workloads.
            container: The container that acts as the agent, if the pod has several.
            namespace: If the manifest leaves it to `kubectl`.
            token_ttl: How long each pod token lives, in seconds, at least 600; kubelet renews it in time.
            endpoint: The registry's URL; the provider's if left out.
            resource: The tool server to ask tokens for; found by itself if all grants are on one whose URL is known.
            deployment: The deployment to run under; the agent's own if left out.
            service_account_uid: The account's uid, where Terraform makes the account: one made anew is then another.

        Raises:
            ValueError: the manifest leaves a choice open, or says something that contradicts the binding.
        """
        self._check_token(trust_issuer, audience, token_ttl)
        identity = Identity(
            agent=self.name,
            audience=audience,
            token_ttl=token_ttl,
            endpoint=self._endpoint(endpoint),
            resource=resource or self._only_resource(),
        )
        bound = bind(Manifest.read(manifest), identity, workload=workload, container=container, namespace=namespace)
        subject = Kubernetes(
            namespace=bound.namespace,
            service_account=bound.service_account,
            service_account_uid=service_account_uid,
            any_uid=service_account_uid is None,  # of an account in a manifest nobody knows the uid yet
        )
        self._bind(f"{bound.namespace}-{bound.service_account}", trust_issuer, subject, deployment)
        return bound.manifest

    def bind_ci(  # noqa: PLR0913  one keyword per pin
        self,
        trust_issuer: TrustIssuer | str,
        *,
        repository_id: str,
        repository_owner_id: str,
        environment: str | None = None,
        ref: str | None = None,
        job_workflow_ref: str | None = None,
        deployment: Deployment | None = None,
    ) -> None:
        """Make a GitHub Actions workflow this agent.

        Args:
            trust_issuer: GitHub, as the registry knows it.
            repository_id: GitHub's numeric id of the repository, as a string.
            repository_owner_id: The numeric id of its owner, as a string.
            environment: The GitHub environment that the job must run in.
            ref: The git ref that it must run on, such as `refs/heads/main`.
            job_workflow_ref: The workflow file and ref it must come from.
            deployment: The deployment to run under; the agent's own if left out.

        Raises:
            ValueError: an id is not numeric, or none of environment, ref and job_workflow_ref is pinned.
        """
        subject = GitHubActions(
            repository_id=repository_id,
            repository_owner_id=repository_owner_id,
            environment=environment,
            ref=ref,
            job_workflow_ref=job_workflow_ref,
        )
        what = "-".join(filter(None, (repository_id, environment, ref, job_workflow_ref)))
        self._bind(what, trust_issuer, subject, deployment)

    def bind_subject(
        self,
        name: str,
        trust_issuer: TrustIssuer | str,
        subject: Subject,
        *,
        claims: Mapping[str, Claim] | None = None,
        deployment: Deployment | None = None,
    ) -> None:
        """Make any other workload this agent: a GitLab job, a cloud machine, a SPIFFE workload, a Terraform run.

        Args:
            name: Tells this binding from the agent's others.
            trust_issuer: Who signs the workload's tokens, as the registry knows it.
            subject: The workload, such as `GitLab(…)` or `Spiffe(…)`.
            claims: Conditions on claims beside the pins.
            deployment: The deployment to run under; the agent's own if left out.

        Raises:
            ValueError: the issuer signs tokens of another shape than the subject describes.
        """
        self._bind(name, trust_issuer, subject, deployment, claims)

    def _bind(
        self,
        what: str,
        trust_issuer: TrustIssuer | str,
        subject: Subject,
        deployment: Deployment | None,
        claims: Mapping[str, Claim] | None = None,
    ) -> None:
        name = _binding_name(f"{self.name}-{what}")
        runs_under = deployment or self.deployment
        attributes = {
            "name": name,
            "agent": refer(self, self.collector),
            "deployment": None if runs_under is None else refer(runs_under, self.collector),
            **proof(trust_issuer, subject, self.collector, claims),
        }
        self.collector.add_once("leasehold_workload_binding", local_name(name), attributes)

    @staticmethod
    def _check_token(trust_issuer: TrustIssuer | str, audience: str, token_ttl: int) -> None:
        if not isinstance(trust_issuer, TrustIssuer):
            return
        if audience not in trust_issuer.audiences:
            raise ValueError(
                f"trust issuer `{trust_issuer.name}` does not accept audience `{audience}`, "
                f"only {', '.join(sorted(trust_issuer.audiences))}"
            )
        if trust_issuer.max_token_ttl is not None and token_ttl > trust_issuer.max_token_ttl:
            raise ValueError(
                f"trust issuer `{trust_issuer.name}` accepts tokens of at most {trust_issuer.max_token_ttl} seconds, "
                f"and token_ttl is {token_ttl}"
            )

    def _endpoint(self, given: str | None) -> str:
        endpoint = given or self.collector.endpoint
        if endpoint is None or "${" in endpoint:
            raise ValueError(
                "the pod must be told where the registry is: pass endpoint=, or give LeaseholdProvider a literal one "
                "before this call"
            )
        return endpoint

    def _only_resource(self) -> str | None:
        targets = {grant.target.name: grant.target for grant in self.grants}
        only = next(iter(targets.values())) if len(targets) == 1 else None
        return only.url if isinstance(only, (ToolServer, NamedToolServer)) else None


def _binding_name(text: str) -> str:
    """A registry name for a binding: itself if it is one, else what can be read of it and 8 digits of its hash."""
    readable = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_")
    if readable == text and len(text) <= _NAME_LIMIT:
        return text
    kept = readable[: _NAME_LIMIT - _DIGEST - 1].rstrip("-_")
    return f"{kept}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]}"
