"""A live object of the registry: a spec in its envelope, and the references that a spec makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar, assert_never

from leasehold.model.credentials import CredentialProfile
from leasehold.model.deployments import Deployment
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.entities import ACTS_ON_BEHALF_OF, AGENT
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, Owner
from leasehold.model.pins import ToolPin
from leasehold.model.policies import Policy
from leasehold.model.tools import Scope, ToolServer
from leasehold.model.trust import TrustIssuer, WorkloadBinding

Spec: TypeAlias = (
    Owner
    | Agent
    | TrustIssuer
    | WorkloadBinding
    | ToolServer
    | ToolPin
    | Scope
    | Ceiling
    | Grant
    | GrantSet
    | Deployment
    | CredentialProfile
    | Policy
    | User
    | Resource
    | Relation
    | DriftException
)
_AGENT = f"{AGENT}:"
S_co = TypeVar("S_co", bound=Spec, covariant=True)

SPECS: dict[Kind, type[Spec]] = {
    Kind.OWNERS: Owner,
    Kind.AGENTS: Agent,
    Kind.TRUST_ISSUERS: TrustIssuer,
    Kind.WORKLOAD_BINDINGS: WorkloadBinding,
    Kind.TOOL_SERVERS: ToolServer,
    Kind.TOOL_PINS: ToolPin,
    Kind.SCOPES: Scope,
    Kind.CEILINGS: Ceiling,
    Kind.GRANTS: Grant,
    Kind.GRANT_SETS: GrantSet,
    Kind.DEPLOYMENTS: Deployment,
    Kind.CREDENTIAL_PROFILES: CredentialProfile,
    Kind.POLICIES: Policy,
    Kind.USERS: User,
    Kind.RESOURCES: Resource,
    Kind.RELATIONS: Relation,
    Kind.DRIFT_EXCEPTIONS: DriftException,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Generic[S_co]):
    """What the registry holds under `(kind, name)`.

    `revision` counts from 1 and never repeats for a name, deletion included. `stack` is the stack that manages the
    object, None if it was written by hand. Times are aware UTC.
    """

    kind: Kind
    name: str
    revision: int
    spec: S_co
    stack: str | None
    created_at: datetime
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class Reference:
    """One object naming another: `path` is the attribute that does."""

    path: str
    kind: Kind
    name: str


def references(name: str, spec: Spec) -> Iterator[Reference]:  # noqa: C901, PLR0912, PLR0915  one arm per noun
    """Every object that `spec`, stored under `name`, refers to. All must live when it is written."""
    match spec:
        case DriftException():
            return  # a fingerprint names a finding, which is no object
        case ToolServer():
            drawn = spec.upstream_auth.credential if spec.upstream_auth is not None else None
            if drawn is not None:
                yield Reference("upstream_auth.credential.profile", Kind.CREDENTIAL_PROFILES, drawn.profile)
        case Relation() if spec.relation == ACTS_ON_BEHALF_OF and spec.subject.startswith(_AGENT):
            # An agent that is another's successor in name alone never acts for those whom the other acted for.
            yield Reference("subject", Kind.AGENTS, spec.subject.removeprefix(_AGENT))
        case Owner() | TrustIssuer() | Policy() | User() | Resource() | Relation():
            return  # policies speak of tools, people and things as types and ids: what is not there is denied
        case Agent():
            yield Reference("owner", Kind.OWNERS, spec.owner)
            yield from (Reference("may_delegate_to", Kind.AGENTS, agent) for agent in sorted(spec.may_delegate_to))
        case WorkloadBinding():
            yield from _binding_references(spec)
        case ToolPin():
            yield Reference("tool_server", Kind.TOOL_SERVERS, name)
        case Scope():
            yield Reference("tool_server", Kind.TOOL_SERVERS, spec.tool_server)
        case Ceiling():
            yield from (Reference("scopes", Kind.SCOPES, scope) for scope in sorted(spec.scopes))
            what, _, principal = spec.principal.partition(":")
            if what == "agent":
                yield Reference("principal", Kind.AGENTS, principal)
        case Grant():
            yield Reference("agent", Kind.AGENTS, spec.agent)
            if spec.scope is not None:
                yield Reference("scope", Kind.SCOPES, spec.scope)
            if spec.tool_server is not None:
                yield Reference("tool_server", Kind.TOOL_SERVERS, spec.tool_server)
        case GrantSet():
            yield Reference("name", Kind.AGENTS, name)
        case Deployment():
            yield from _deployment_references(spec)
        case CredentialProfile():
            yield from (Reference("agents", Kind.AGENTS, agent) for agent in sorted(spec.agents))
        case _:
            assert_never(spec)


def agent_of(name: str, spec: Spec) -> str | None:
    """The agent that an object belongs to, if it belongs to one."""
    match spec:
        case Grant() | Deployment() | WorkloadBinding():
            return spec.agent
        case Agent() | GrantSet():
            return name
        case _:
            return None


def _deployment_references(spec: Deployment) -> Iterator[Reference]:
    yield Reference("agent", Kind.AGENTS, spec.agent)
    if spec.trust_issuer is not None:
        yield Reference("trust_issuer", Kind.TRUST_ISSUERS, spec.trust_issuer)


def _binding_references(spec: WorkloadBinding) -> Iterator[Reference]:
    yield Reference("trust_issuer", Kind.TRUST_ISSUERS, spec.trust_issuer)
    if spec.agent is not None:
        yield Reference("agent", Kind.AGENTS, spec.agent)
    if spec.deployment is not None:
        yield Reference("deployment", Kind.DEPLOYMENTS, spec.deployment)
