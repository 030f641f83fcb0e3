"""The platform team's stack: who may do what at most, whom to believe, and which tools there are.

App teams then declare their agents in stacks of their own (see ../triage), without a ticket, below these ceilings.

    cdktf deploy        needs LEASEHOLD_ENDPOINT, and a proof of identity: in CI its own OIDC token, nothing stored
"""

import os

from cdktf import App, TerraformStack
from constructs import Construct
from leasehold_cdktf import (
    Ceiling,
    GitHubActions,
    LeaseholdProvider,
    Oidc,
    Owner,
    Scope,
    Tool,
    ToolServer,
    TrustIssuer,
    WorkloadBinding,
)

ENDPOINT = os.environ.get("LEASEHOLD_ENDPOINT", "https://leasehold.example.com")

# Made when the registry was bootstrapped, together with the binding of this stack's own CI. No stack holds them, so no
# stack can lock itself out.
GITHUB_ACTIONS = "github"


class Platform(TerraformStack):
    """Everything that app teams build on."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        LeaseholdProvider(self, "leasehold", endpoint=ENDPOINT, stack="platform")
        self.people()
        self.workloads()
        self.tools()

    def people(self) -> None:
        """An agent answers to a person. People sign in with the company's login and work in a role."""
        Owner(self, "alice", display_name="Alice Moreau", email="alice@example.com", team="payments")
        login = TrustIssuer(
            self,
            "login",
            type="oidc",
            issuer=os.environ.get("LOGIN_ISSUER", "https://login.example.com"),
            audiences=["leasehold"],
            algorithms=["ES256"],
            allow_private=True,
        )
        WorkloadBinding(
            self,
            "alice-payments",
            trust_issuer=login,
            subject=Oidc(subject="00u1alice"),
            role="developer",
            teams=["payments"],
        )

    def workloads(self) -> None:
        """Pods prove who they are by their cluster's tokens, pipelines by GitHub's."""
        TrustIssuer(
            self,
            "cluster",
            type="kubernetes",
            issuer=os.environ.get("CLUSTER_ISSUER", "https://k8s.example.com"),
            audiences=[ENDPOINT],  # a token made for someone else, the cluster itself included, is no proof
            allow_private=True,  # clusters rarely have a public address
        )
        WorkloadBinding(
            self,
            "payments-ci",
            trust_issuer=GITHUB_ACTIONS,
            subject=GitHubActions(
                repository_id="99017",  # numeric ids: a renamed or re-created repository is another one
                repository_owner_id="4211",
                job_workflow_ref="acme/payments/.github/workflows/deploy.yml@refs/heads/main",
            ),
            role="developer",
            teams=["payments"],
            stack="triage",  # all that this pipeline writes belongs to that stack, and it can write no other's
        )

    def tools(self) -> None:
        """One tool server, two bundles of its tools, and the most that the payments team may hand out."""
        github = ToolServer(
            self,
            "github",
            url="https://github.example.com/mcp",
            description="Source code of acme",
            tools={
                "read_file": "read",
                "list_pull_requests": "read",
                "create_comment": "write",
                "delete_branch": Tool("delete", "Deletes a branch and its history for good."),
            },
        )
        why = "source code is open to all of acme"  # a wildcard must be asked for, and justified
        reading = Scope(
            self,
            "reading",
            tool_server=github,
            tools=["read_file", "list_pull_requests"],
            resources=["repo:acme/*"],
            allow_wildcard=True,
            justification=why,
        )
        commenting = Scope(
            self,
            "commenting",
            tool_server=github,
            tools=["create_comment"],
            resources=["repo:acme/*"],
            allow_wildcard=True,
            justification=why,
        )
        Ceiling(self, "payments", principal="team:payments", scopes=[reading, commenting])  # no delete_branch


if __name__ == "__main__":
    app = App()
    Platform(app, "platform")
    app.synth()
