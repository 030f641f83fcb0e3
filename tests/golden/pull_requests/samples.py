"""Typical changes, as a plan that `terraform show -json` wrote and a registry that lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import httpx
from tests.unit.cli.terraform import Backend, shown_plan, state_file
from tests.unit.review.test_review_doors import Store
from tests.unit.review.worlds import BORN, CI, DELETE, READ, Registry, organisation

from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.directory import User
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Action, Scope, Tool, ToolServer
from leasehold.model.trust import KubernetesSubject

Objects = dict[tuple[Kind, str], Any]


@dataclass(frozen=True)
class Sample:
    """One change. `plan` changes the organisation in the code, `live` changes the registry behind its back."""

    name: str
    plan: Callable[[Objects], None] = lambda _: None
    base: Callable[[Objects], None] = lambda _: None
    live: Callable[[Registry], None] = lambda _: None
    unknown: dict[str, Any] = field(default_factory=dict)
    command: str = "review"
    reachable: bool = True
    approved_by: str | None = None

    def document(self) -> dict[str, Any]:
        """What Terraform wrote: a plan, or for drift the state."""
        objects = organisation()
        self.base(objects)
        self.plan(objects)
        changes = [
            {"address": address, "change": {"actions": ["create"], "after_unknown": unknown}}
            for address, unknown in self.unknown.items()
        ]
        was = organisation()
        self.base(was)
        return (
            state_file(objects) if self.command == "drift" else shown_plan(objects, was=was, resource_changes=changes)
        )

    def answer(self) -> Callable[[httpx.Request], httpx.Response]:
        """The registry."""
        if not self.reachable:
            return _unreachable
        registry = Registry()
        objects = organisation()
        before = dict(objects)
        self.base(objects)
        for key in before.keys() - objects.keys():
            registry.delete(*key)
        for key, spec in objects.items():
            if before.get(key) != spec:
                registry.write(*key, spec, by=CI, at=BORN, stack="prod")
        self.live(registry)
        return Backend(Store(registry), self.approved_by)


def _unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("[Errno 111] Connection refused", request=request)


def _granted(objects: Objects, *grants: Grant) -> None:
    """These grants are the agent's whole set."""
    agent = grants[0].agent
    for key, spec in list(objects.items()):
        if isinstance(spec, Grant) and spec.agent == agent:
            del objects[key]
    for grant in grants:
        objects[Kind.GRANTS, grant.id] = grant
    objects[Kind.GRANT_SETS, agent] = GrantSet(grants=frozenset(grant.id for grant in grants))


SCOPED = Grant(agent="triage", scope="issues")
EVERYWHERE = replace(READ, resources=frozenset({"repo:*"}), allow_wildcard=True, justification="every repository")


def _new_agent(objects: Objects) -> None:
    objects[Kind.AGENTS, "release-notes"] = Agent(owner="alice", review_by=date(2027, 3, 1), environment="production")
    tools = frozenset({"read_file", "create_issue"})
    grant = Grant(agent="release-notes", tool_server="github", tools=tools, resources=frozenset({"repo:web"}))
    _granted(objects, grant)


def _payer(most: int) -> Callable[[Objects], None]:
    def put(objects: Objects) -> None:
        objects[Kind.TOOL_SERVERS, "bank"] = ToolServer(
            url="https://mcp.example.com/bank", tools={"pay": Tool(action=Action.EXECUTE)}
        )
        objects[Kind.SCOPES, "payments"] = Scope(
            tool_server="bank",
            tools=frozenset({"pay"}),
            resources=frozenset({"account:*"}),
            allow_wildcard=True,
            justification="upper bound",
        )
        objects[Kind.CEILINGS, "payments"] = Ceiling(
            principal="team:payments", scopes=frozenset({"anything", "payments"})
        )
        objects[Kind.AGENTS, "payer"] = Agent(owner="alice", review_by=date(2027, 3, 1), environment="production")
        limits = {"amount": ArgumentConstraint(max=most), "currency": ArgumentConstraint(one_of=frozenset({"EUR"}))}
        grant = Grant(
            agent="payer",
            tool_server="bank",
            tools=frozenset({"pay"}),
            resources=frozenset({"account:suppliers"}),
            constraints=limits,
        )
        _granted(objects, grant)

    return put


def _by_one_grant(objects: Objects) -> None:
    """The scope's tools and the single tool, said in another way: by two grants of plain tools."""
    tools, resources = frozenset({"create_issue"}), frozenset({"repo:web", "repo:api"})
    _granted(objects, READ, Grant(agent="triage", tool_server="github", tools=tools, resources=resources))


def _lower_ceiling(objects: Objects) -> None:
    web = Scope(tool_server="github", tools=frozenset({"read_file", "create_issue"}), resources=frozenset({"repo:web"}))
    objects[Kind.SCOPES, "web-only"] = web
    objects[Kind.CEILINGS, "payments"] = Ceiling(principal="team:payments", scopes=frozenset({"web-only"}))


def _wider_binding(objects: Objects) -> None:
    binding = objects[Kind.WORKLOAD_BINDINGS, "triage-k8s"]
    subject = KubernetesSubject(namespace="payments", service_account="triage", any_uid=True)
    objects[Kind.WORKLOAD_BINDINGS, "triage-k8s"] = replace(binding, kubernetes=subject)


def _unguarded(objects: Objects) -> None:
    """No policy forbids anything."""
    objects.pop((Kind.POLICIES, "guards"), None)


def _delete_unless_handed_on(objects: Objects) -> None:
    """The policy compares a set whole, which the proofs do not model."""
    _granted(objects, READ, SCOPED, DELETE)
    chain = 'context.chain == [agent::"helper"]'
    document = f'forbid(principal, action == Action::"github/delete_branch", resource) when {{ {chain} }};\n'
    objects[Kind.POLICIES, "guards"] = Policy(document=document, side=PolicySide.AGENT)


BOB = User(ids=frozenset({"bob-at-idp"}))


def _for_support(objects: Objects) -> None:
    """People of the support role may have agents read."""
    document = 'permit(principal in role::"support", action == Action::"github/read_file", resource);\n'
    objects[Kind.POLICIES, "people"] = Policy(document=document, side=PolicySide.USER)
    objects[Kind.USERS, "bob"] = BOB


def _bob_in_support(objects: Objects) -> None:
    objects[Kind.USERS, "bob"] = replace(BOB, roles=frozenset({"support"}))


SAMPLES = (
    Sample("01-new-agent", _new_agent),
    Sample(
        "02-read-access-added",
        lambda objects: _granted(objects, READ, SCOPED, replace(READ, resources=frozenset({"repo:api"}))),
    ),
    Sample(
        "03-wider-by-resource",
        lambda objects: _granted(objects, EVERYWHERE, SCOPED),
    ),
    Sample("04-wider-by-argument", _payer(500), base=_payer(100)),
    Sample("05-delete-tool-in-production", lambda objects: _granted(objects, READ, SCOPED, DELETE), base=_unguarded),
    Sample("06-narrower-only", lambda objects: _granted(objects, SCOPED)),
    Sample("07-no-access-change", _by_one_grant),
    Sample(
        "08-grant-made-by-hand",
        live=lambda registry: registry.write(Kind.GRANTS, DELETE.id, DELETE),
        command="drift",
    ),
    Sample("09-ceiling-lowered", _lower_ceiling),
    Sample("10-identity-widened", _wider_binding),
    Sample(
        "11-unknown-at-plan",
        unknown={"leasehold_grant.triage_github_read_file_repo_web": {"resources": True}},
    ),
    Sample("12-registry-unreachable", reachable=False),
    Sample("13-granted-and-held-back", lambda objects: _granted(objects, READ, SCOPED, DELETE)),
    Sample("14-policy-gone", _unguarded, base=lambda objects: _granted(objects, READ, SCOPED, DELETE)),
    Sample("15-not-provable", _delete_unless_handed_on),
    Sample(
        "16-approved",
        lambda objects: _granted(objects, READ, SCOPED, DELETE),
        base=_unguarded,
        approved_by="oidc:anna@example.com",
    ),
    Sample("17-role-given-to-a-person", _bob_in_support, base=_for_support),
)
