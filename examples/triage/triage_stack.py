"""An app team's stack: an agent, declared beside the app that runs it.

It builds on what ../platform declares, by name. A pull request that changes `grants` shows as a change of access.

    cdktf deploy                                  the agent, its grants, and the proof by which a pod becomes it
    kubectl apply -f app.leasehold.yaml           the app, with that proof mounted
"""

import os
from pathlib import Path

from cdktf import App, TerraformStack
from constructs import Construct
from leasehold_cdktf import Agent, LeaseholdProvider, Scope, ToolServer

HERE = Path(__file__).parent
ENDPOINT = os.environ.get("LEASEHOLD_ENDPOINT", "https://leasehold.example.com")


class Triage(TerraformStack):
    """An agent that reads new issues and comments on them."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        LeaseholdProvider(self, "leasehold", endpoint=ENDPOINT, stack="triage")
        github = ToolServer.named("github", tools=["create_comment"], url="https://github.example.com/mcp")

        self.agent = Agent(
            self,
            "triage",
            owner="alice",  # answers for it
            review_by="2027-05-01",  # and confirms it by then
            description="Reads new issues of payments and comments on them",
            grants=[  # all it may do: what anyone adds elsewhere shows as drift, and the next deploy removes it
                Scope.named("reading").on("repo:acme/payments"),
                github.tool("create_comment").on("repo:acme/payments"),
            ],
            commit=os.environ.get("GITHUB_SHA", ""),  # a new commit ends the leases of the old one
        )
        self.manifest = self.agent.bind_workload(
            HERE / "app.yaml",
            trust_issuer="cluster",
            audience=ENDPOINT,
            resource=github.url,
        )


if __name__ == "__main__":
    app = App()
    Triage(app, "triage").manifest.write(HERE / "app.leasehold.yaml")
    app.synth()
