"""Two agents and two tool servers that we did not write, all behind the gateway.

The review agent works for itself: it reads one Git repository. The support agent works for people: it does what it and
the person may both do. Neither sees a tool that it could never call, nor a credential of a tool server.

    cdktf deploy        needs LEASEHOLD_ENDPOINT, and a proof of identity
    python client.py    speaks as one of the agents, see there
"""

import os
from dataclasses import replace
from pathlib import Path

from cdktf import App, TerraformStack
from constructs import Construct
from leasehold_cdktf import (
    Agent,
    ApiKey,
    Kubernetes,
    LeaseholdProvider,
    Owner,
    Policy,
    Tool,
    ToolServer,
    TrustIssuer,
    Upstream,
    UpstreamAuth,
    User,
)

HERE = Path(__file__).parent
ENDPOINT = os.environ.get("LEASEHOLD_ENDPOINT", "https://leasehold.example.com")
REPOSITORY = os.environ.get("REPOSITORY", "/srv/git/shop")


class Assistants(TerraformStack):
    """The whole of it in one stack; elsewhere, people and tool servers would be the platform team's."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        LeaseholdProvider(self, "leasehold", endpoint=ENDPOINT, stack="assistants")
        self.olga = Owner(self, "olga", display_name="Olga Berg", email="olga@example.com", team="platform")
        self.cluster = TrustIssuer(
            self,
            "cluster",
            type="kubernetes",
            issuer=os.environ.get("CLUSTER_ISSUER", "https://k8s.example.com"),
            audiences=[ENDPOINT],
            allow_private=True,
        )
        self.people()
        self.reviewer = self.review()
        self.support = self.helpdesk()

    def people(self) -> None:
        """The company's login says which person an agent acts for (MCP: enterprise-managed authorization)."""
        TrustIssuer(
            self,
            "login",
            type="oidc",
            issuer=os.environ.get("LOGIN_ISSUER", "https://login.example.com"),
            audiences=[ENDPOINT],
            algorithms=["ES256"],
            id_jag=True,
            allow_private=True,
        )
        User(self, "ana", ids=["login/00u2ana"], attributes={"customers": ["acme"]})
        User(self, "ben", ids=["login/00u3ben"], attributes={"customers": ["acme", "globex"]})

    def review(self) -> Agent:
        """A program of PyPI's mcp-server-git: the gateway starts it for one caller, shut off from all that is ours."""
        git = ToolServer(
            self,
            "git",
            url=f"{ENDPOINT}/mcp/git",
            upstream=Upstream(
                command=(os.environ.get("MCP_SERVER_GIT", "/usr/local/bin/mcp-server-git"),), transport="stdio"
            ),
            tools=about("git.tools.json", "repo:{repo_path}"),
        )
        git.pin(HERE / "git.tools.json", justification="mcp-server-git 2026.10.19, read over")
        reading = git.tools("git_log", "git_show", "git_diff")
        return self.agent("reviewer", "Reviews commits", reading.on(f"repo:{REPOSITORY}"))

    def helpdesk(self) -> Agent:
        """The npm package @bytebase/dbhub over HTTP, with a key that only the gateway has."""
        helpdesk = ToolServer(
            self,
            "helpdesk",
            url=f"{ENDPOINT}/mcp/helpdesk",
            upstream=Upstream(url=os.environ.get("HELPDESK_URL", "https://helpdesk.example.com/mcp")),
            upstream_auth=UpstreamAuth(ApiKey(), personal=False),
            tools=about("helpdesk.tools.json", "customer:{customer}"),
        )
        helpdesk.pin(HERE / "helpdesk.tools.json", justification="dbhub 1.4.0 with dbhub.toml, read over")
        Policy.from_file(self, "people", HERE / "people.cedar", side="user")
        tickets = helpdesk.tools("list_tickets", "close_ticket")
        return self.agent("support", "Answers tickets", tickets.on("customer:acme", "customer:globex"))

    def agent(self, name: str, description: str, *grants: object) -> Agent:
        """An agent of the platform team, and the service account of the same name that becomes it."""
        agent = Agent(self, name, owner=self.olga, review_by="2027-05-01", description=description, grants=grants)
        account = Kubernetes(namespace="assistants", service_account=name, any_uid=True)
        agent.bind_subject("pod", self.cluster, account)
        return agent


def about(listed: str, resource: str) -> dict[str, Tool]:
    """The tools of a list, a call of which is about `resource` where its arguments say which."""
    argument = resource[resource.index("{") + 1 : -1]
    tools = Tool.listed(HERE / listed)
    named = {name for name, tool in tools.items() if argument in (tool.input_schema or {})["properties"]}
    return {name: replace(tool, resource=resource) if name in named else tool for name, tool in tools.items()}


if __name__ == "__main__":
    app = App()
    Assistants(app, "assistants")
    app.synth()
