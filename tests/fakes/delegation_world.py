"""An orchestrator and the sub-agents that it may start, each a service account of its own."""

import asyncio
from datetime import date
from typing import Any

import jwt
from tests.fakes.exchange_world import GRANT, TOOLS, World

from leasehold.exchange.families import DelegationRequest
from leasehold.model.deployments import Deployment
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent
from leasehold.model.tokens import UnverifiedToken
from leasehold.model.trust import KubernetesSubject

READ = frozenset({"mcp:tool:read_file:read"})
BOTH = READ | {"mcp:tool:comment:write"}
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"


class Family:
    """`triage` may delegate to `coder`, `coder` to `tester`, and so on down to `runner`."""

    def __init__(self, world: World) -> None:
        self.world = world
        chain = ["triage", "coder", "tester", "checker", "linter", "runner"]
        for agent, below in zip(chain, [*chain[1:], None], strict=True):
            self.enrol(agent, {below} - {None})
        self.outsider = self.enrol("outsider", {"coder"})

    def enrol(self, name: str, below: set[str], **fields: Any) -> str:
        """Register an agent that may do what `triage` may, with a service account of its own."""
        put = self.world.put
        fields.setdefault("max_delegation_depth", 4)
        put(
            Kind.AGENTS,
            name,
            Agent(owner="alice", review_by=date(2027, 6, 1), may_delegate_to=frozenset(below), **fields),
        )
        if name != "triage":
            grant = Grant(agent=name, tool_server="github", tools=GRANT.tools, resources=GRANT.resources)
            put(Kind.GRANTS, grant.id, grant)
            put(Kind.DEPLOYMENTS, f"{name}-prod", Deployment(agent=name))
            pins = KubernetesSubject(namespace="shop", service_account=name, any_uid=True)
            self.world.bind(f"{name}-pods", trust_issuer="cluster", agent=name, kubernetes=pins)
        return name

    def pod(self, agent: str, **changes: Any) -> str:
        """A workload token of an agent."""
        return self.world.cluster.service_account_token("shop", agent, **changes)

    def own(self, agent: str, **options: Any) -> str:
        """An access token of an agent, by its own workload."""
        return self.world.get(self.pod(agent), **options).access_token

    def spawn(self, parent: str, actor: str, **options: Any):
        """Delegate; `actor` names an agent, or is a token of one."""
        return asyncio.run(self.spawning(parent, actor, **options))

    async def spawning(self, parent: str, actor: str, **options: Any):
        ours = options.pop("actor_is_ours", False)
        options.setdefault("scopes", READ)
        request = DelegationRequest(
            subject_token=UnverifiedToken(parent),
            actor_token=UnverifiedToken(actor if "." in actor else self.pod(actor)),
            actor_is_ours=ours,
            resource=options.pop("resource", TOOLS),
            **options,
        )
        return await self.world.delegation.delegate(request, self.world.now)

    def alive(self, issued: Any) -> bool:
        return bool(self.world.introspect(getattr(issued, "access_token", issued))["active"])


def said(token: Any) -> dict[str, Any]:
    """The claims of a token, unverified."""
    return jwt.decode(getattr(token, "access_token", token), options={"verify_signature": False})


def details(*resources: str, tools: tuple[str, ...] = ("read_file",), **constraints: Any) -> list[dict[str, Any]]:
    """The parameter `authorization_details`."""
    detail: dict[str, Any] = {"type": "mcp_tool", "actions": list(tools), "resources": list(resources or ["repo:web"])}
    return [detail | ({"constraints": constraints} if constraints else {})]
