"""Scopes and grants name tools that exist, resources that their scope covers, and stay beneath every ceiling.

A deployment that ends with a workload names a cluster that is watched for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from leasehold.model.access import applies, reach_of_grant, reach_of_scope
from leasehold.model.arguments import alternatives_of
from leasehold.model.authority.order import Verdict
from leasehold.model.ceilings import Excess, first_excess
from leasehold.model.deployments import Deployment
from leasehold.model.directory import Relation
from leasehold.model.errors import AboveCeiling, FieldError, Forbidden, InvalidBody, InvalidValue, UnknownReference
from leasehold.model.exceptions import DriftException, check_end
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.patterns import covers
from leasehold.model.people import Agent, Owner
from leasehold.model.tools import Scope, ToolServer
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import WorkloadKind
from leasehold.policy.decision import Permit
from leasehold.policy.platform import is_above_ceilings
from leasehold.registry.ports import UnitOfWork
from leasehold.registry.references import suggestions

S = TypeVar("S", bound=Spec)


def check_bounds(unit: UnitOfWork, permit: Permit, name: str, spec: Spec) -> None:
    """Raise `InvalidBody`, `UnknownReference` or `AboveCeiling` unless an object may stand as it is."""
    if isinstance(spec, Deployment):
        _check_watched(unit, spec)
    elif isinstance(spec, Scope):
        check_tools(unit, spec.tool_server, spec.tools)
    elif isinstance(spec, Relation):
        _check_name(name, spec)
    elif isinstance(spec, Grant):
        _check_name(name, spec)
        if spec.tool_server is not None:
            check_tools(unit, spec.tool_server, spec.tools)
        _check_within_scope(unit, spec)
        _check_ceilings(unit, permit, spec)


def check_exception(before: Spec | None, after: Spec, now: datetime) -> None:
    """Raise `InvalidBody` unless a drift exception that is new, or says something new, ends soon."""
    if not isinstance(after, DriftException) or before == after:
        return
    try:
        check_end(after, now)
    except InvalidValue as error:
        raise InvalidBody([FieldError("expires_at", str(error))]) from error


def check_environment(permit: Permit, before: Spec | None, after: Spec) -> None:
    """Raise `Forbidden` if an agent leaves its environment, and with it the ceilings there, by a bounded hand."""
    moved = isinstance(before, Agent) and isinstance(after, Agent) and before.environment not in {"", after.environment}
    if moved and not is_above_ceilings(permit):
        raise Forbidden("only a security-admin takes an agent out of its environment: ceilings hang on that")


def check_tools(unit: UnitOfWork, tool_server: str, tools: Iterable[str]) -> None:
    """Raise `UnknownReference` unless the server lists every tool; `*` is every tool that it lists."""
    server = unit.objects.get(Kind.TOOL_SERVERS, tool_server).spec
    listed = sorted(server.tools) if isinstance(server, ToolServer) else []
    for tool in sorted(set(tools) - {"*"}):
        if tool not in listed:
            raise UnknownReference("tools", f"tool on {tool_server}", tool, suggestions(tool, listed))


def ceilings_over(unit: UnitOfWork, agent_name: str) -> Mapping[str, Ceiling]:
    """The ceilings that bound a live agent, by name."""
    agent = unit.objects.get(Kind.AGENTS, agent_name).spec
    if not isinstance(agent, Agent):
        return {}
    owner = unit.objects.get(Kind.OWNERS, agent.owner).spec
    if not isinstance(owner, Owner):
        return {}
    ceilings = of_type(Ceiling, {c.name: c.spec for c in unit.objects.list(Kind.CEILINGS)})
    return {n: c for n, c in ceilings.items() if applies(c, agent_name=agent_name, agent=agent, owner=owner)}


def scopes_named(unit: UnitOfWork, names: Iterable[str]) -> Mapping[str, Scope]:
    """Those scopes of `names` that live."""
    return of_type(Scope, {n: s.spec for n, s in unit.objects.named(Kind.SCOPES, set(names)).items()})


def of_type(noun: type[S], specs: Mapping[str, Spec]) -> Mapping[str, S]:
    """The specs, known to be of one noun."""
    return {name: spec for name, spec in specs.items() if isinstance(spec, noun)}


def _check_watched(unit: UnitOfWork, deployment: Deployment) -> None:
    if deployment.trust_issuer is None:
        return
    issuer = unit.objects.get(Kind.TRUST_ISSUERS, deployment.trust_issuer).spec
    if not isinstance(issuer, TrustIssuer) or WorkloadKind.DEPLOYMENTS not in issuer.watch:
        message = f"trust issuer `{deployment.trust_issuer}` does not watch deployments: nobody would see it end"
        raise InvalidBody([FieldError("trust_issuer", message)])


def _check_name(name: str, edge: Grant | Relation) -> None:
    if name != edge.id:
        noun = "grant" if isinstance(edge, Grant) else "relation"
        raise InvalidBody([FieldError("name", f"this {noun} is named `{edge.id}`, not `{name}`")])


def _check_within_scope(unit: UnitOfWork, grant: Grant) -> None:
    if grant.scope is None:
        return
    scopes = scopes_named(unit, [grant.scope])
    within = tuple(reach_of_scope(scopes[grant.scope]))
    for resource in sorted(grant.resources):
        if not any(covers(reach.resource, resource) for reach in within):
            raise InvalidBody([FieldError("resources", f"scope `{grant.scope}` does not cover `{resource}`")])
    for one in alternatives_of(grant.constraints):
        if not any(reach.narrowed(replace(reach, constraints=one)) for reach in within):
            names = ", ".join(f"`{name}`" for name, _ in one)
            message = f"scope `{grant.scope}` does not cover these values of {names}"
            raise InvalidBody([FieldError("constraints", message)])


def _check_ceilings(unit: UnitOfWork, permit: Permit, grant: Grant) -> None:
    ceilings = ceilings_over(unit, grant.agent)
    named = {scope for ceiling in ceilings.values() for scope in ceiling.scopes}
    scopes = scopes_named(unit, named | ({grant.scope} if grant.scope is not None else set()))
    reach = tuple(reach_of_grant(grant, scopes))
    if not ceilings and not is_above_ceilings(permit):
        raise AboveCeiling(
            f"no ceiling bounds agent `{grant.agent}`: without one only a security-admin may grant",
            ceiling=None,
            tool=reach[0].tool if reach else "*",
            resource=reach[0].resource if reach else "*",
        )
    if (excess := first_excess(reach, ceilings, scopes)) is not None:
        raise _above(excess)


def _above(excess: Excess) -> AboveCeiling:
    tool, resource = excess.reach.tool, excess.reach.resource
    names = ", ".join(f"`{name}`" for name, _ in excess.reach.constraints)
    what = f"`{tool}` on `{resource}`" + (f" with these values of {names}" if names else "")
    undecidable = excess.verdict is Verdict.UNDECIDABLE
    verb = "cannot be shown to cover" if undecidable else "does not cover"
    return AboveCeiling(
        f"ceiling `{excess.ceiling}` {verb} {what}", ceiling=excess.ceiling, tool=tool, resource=resource
    )
