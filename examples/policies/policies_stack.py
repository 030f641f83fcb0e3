"""Seven policies that everybody asks for, as a platform team would write them. `tables/` says what they decide.

cdktf deploy                            needs LEASEHOLD_ENDPOINT, and a proof of identity
leasehold policy test tables/*.yaml
"""

import os
from pathlib import Path

from cdktf import App, TerraformStack
from constructs import Construct
from leasehold_cdktf import (
    Agent,
    LeaseholdProvider,
    Owner,
    Policy,
    Relation,
    Resource,
    Tool,
    ToolServer,
    User,
)

HERE = Path(__file__).parent
ENDPOINT = os.environ.get("LEASEHOLD_ENDPOINT", "https://leasehold.example.com")
EVERY_ONE = {"allow_wildcard": True, "justification": "the policy beside this grant says which"}


def arguments(**properties: str) -> dict[str, object]:
    """The JSON Schema of a tool whose arguments are all required."""
    types = {name: {"type": type_} for name, type_ in properties.items()}
    return {"type": "object", "properties": types, "required": sorted(types)}


class Policies(TerraformStack):
    """One method per case."""

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        LeaseholdProvider(self, "leasehold", endpoint=ENDPOINT, stack="policies")
        self.owner = Owner(self, "olga", display_name="Olga Berg", email="olga@example.com", team="platform")
        self.sales_and_finance_tables()
        self.code_review()
        self.small_refunds()
        self.customers_in_the_eu()
        self.documents_of_the_user()
        self.mail_of_those_it_acts_for()

    def agent(self, name: str, *grants: object) -> Agent:
        """An agent of the platform team."""
        return Agent(self, name, owner=self.owner, review_by="2027-05-01", grants=grants, deployment=False)

    def policy(self, name: str, side: str) -> None:
        """The policy of the file of that name."""
        Policy.from_file(self, f"{name}-policy", HERE / f"{name}.cedar", side=side, name=name)

    def sales_and_finance_tables(self) -> None:
        """1. Queries on tables that begin with `sales_` or `finance_`, from the company's network."""
        query = Tool("read", input_schema=arguments(table="string"))
        warehouse = ToolServer(self, "warehouse", url="https://mcp.example.com/warehouse", tools={"query": query})
        self.agent("analyst", warehouse.tool("query").on("database:main"))
        self.policy("warehouse", "agent")

    def code_review(self) -> None:
        """2. Five tools on named repositories. 3. Public issues; no pull request that refers to something private."""
        tools = ("list_files", "read_file", "list_pull_requests", "comment", "request_changes")
        more = {"get_issue": "read", "get_pull_request": "read", "merge": "write", "delete_branch": "delete"}
        reading = dict.fromkeys(tools[:3], "read") | dict.fromkeys(tools[3:], "write")
        github = ToolServer(self, "github", url="https://mcp.example.com/github", tools={**reading, **more})
        self.agent("code-review", github.tools(*tools).on("repo:acme/web", "repo:acme/api"))
        read = github.tools("get_issue", "get_pull_request")
        self.agent("triage", read.on("issue:*", "pull_request:*", **EVERY_ONE))
        secret, web = (self.repository(name) for name in ("secret", "web"))
        for number, repository in (("1", web), ("2", secret)):
            Resource(self, f"issue-{number}", type="issue", foreign_id=number, parents=[repository])
        Resource(self, "pull-7", type="pull_request", foreign_id="7", parents=[web])
        Resource(self, "pull-8", type="pull_request", foreign_id="8", parents=[web, secret])
        self.policy("github", "agent")

    def repository(self, name: str) -> Resource:
        """A repository, public or private."""
        visibility = "private" if name == "secret" else "public"
        above = f"visibility:{visibility}"
        return Resource(self, f"repo-{name}", type="repo", foreign_id=f"acme/{name}", parents=[above])

    def small_refunds(self) -> None:
        """4. Refunds under $50."""
        refund = Tool("write", input_schema=arguments(amount="number"))
        payments = ToolServer(self, "payments", url="https://mcp.example.com/payments", tools={"refund": refund})
        self.agent("support", payments.tool("refund").on("order:*", **EVERY_ONE))
        self.policy("payments", "agent")

    def customers_in_the_eu(self) -> None:
        """5. Customers in the EU, in business hours."""
        crm = ToolServer(self, "crm", url="https://mcp.example.com/crm", tools={"read_customer": "read"})
        self.agent("account-manager", crm.tool("read_customer").on("customer:*", **EVERY_ONE))
        for name, region in (("c-1", "eu"), ("c-2", "us")):
            Resource(self, name, type="customer", foreign_id=name, attributes={"region": region})
        self.policy("crm", "agent")

    def documents_of_the_user(self) -> None:
        """6. Documents that the user owns, or that are shared with them, for an agent that acts on their behalf."""
        tools = {"read_document": "read", "delete_document": "delete"}
        documents = ToolServer(self, "documents", url="https://mcp.example.com/documents", tools=tools)
        self.agent("assistant", documents.tools(*tools).on("document:*", **EVERY_ONE))
        ana, ben = (User(self, name, ids=[f"{name}@example.com"]) for name in ("ana", "ben"))
        plan, budget = (Resource(self, name, type="document", foreign_id=name) for name in ("plan", "budget"))
        Relation(self, "ana-plan", subject=ana, relation="owner", object=plan)
        Relation(self, "ben-plan", subject=ben, relation="viewer", object=plan)
        Relation(self, "team-budget", subject="group:finance", relation="viewer", object=budget, through="member")
        Relation(self, "ana-finance", subject=ana, relation="member", object="group:finance")
        self.policy("documents", "user")

    def mail_of_those_it_acts_for(self) -> None:
        """7. Mail, through the agents that act on behalf of its owner: for all of a group, and for one person."""
        mail = ToolServer(self, "mail", url="https://mcp.example.com/mail", tools={"read": "read", "send": "write"})
        read, send = mail.tool("read").on("mailbox:*", **EVERY_ONE), mail.tool("send").on("mailbox:*", **EVERY_ONE)
        secretary, courier = (self.agent(name, read, send) for name in ("secretary", "courier"))
        cy, dan, eve = (User(self, name, ids=[f"{name}@example.com"]) for name in ("cy", "dan", "eve"))
        Relation(self, "cy-board", subject=cy, relation="member", object="group:board")
        Relation(self, "secretary-board", subject=secretary, relation="acts_on_behalf_of", object="group:board")
        Relation(self, "secretary-dan", subject=secretary, relation="acts_on_behalf_of", object=dan)
        Relation(self, "courier-eve", subject=courier, relation="acts_on_behalf_of", object=eve)
        self.policy("mail", "user")
        self.policy("mail-agents", "agent")


if __name__ == "__main__":
    app = App()
    Policies(app, "policies")
    app.synth()
