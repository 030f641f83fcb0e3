"""What only one object may claim: a tool server's audience, a trust issuer's `iss`, a foreign identity, a client id.

Two tool servers of one URL would take each other's tokens; two trust issuers of one `iss` would be two sets of rules
for the same token, which the exchange refuses as ambiguous; two users of one id would each have the other's roles. All
are said where they are written.
"""

from __future__ import annotations

from leasehold.model.directory import User, identities
from leasehold.model.errors import FieldError, InvalidBody
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.people import Agent
from leasehold.model.tools import ToolServer
from leasehold.model.trust import TrustIssuer
from leasehold.registry.ports import UnitOfWork


def check_unique(unit: UnitOfWork, kind: Kind, name: str, spec: Spec) -> None:
    """Raise `InvalidBody` if another object of this kind already claims what this one does."""
    _check_identities(unit, kind, name, spec)
    if isinstance(spec, Agent):
        _check_client_ids(unit, name, spec)
    if (claim := _claim(spec)) is None:
        return
    path, value = claim
    for other in unit.objects.list(kind):
        if other.name != name and _claim(other.spec) == claim:
            raise InvalidBody([FieldError(path, f"{kind.singular} `{other.name}` already has `{value}`")])


def _check_identities(unit: UnitOfWork, kind: Kind, name: str, spec: Spec) -> None:
    for identity in identities(spec):
        if (bearer := unit.objects.bearer(kind, identity)) not in {None, name}:
            path = "ids" if isinstance(spec, User) else "foreign_id"
            raise InvalidBody([FieldError(path, f"{kind.singular} `{bearer}` is `{identity}` already")])


def _check_client_ids(unit: UnitOfWork, name: str, agent: Agent) -> None:
    for client_id in sorted(agent.client_ids):
        if unit.registrations.agent_named(client_id) not in {None, name}:
            # Whose it is stays unsaid: who may write one agent need not see the clients of another.
            raise InvalidBody([FieldError("client_ids", f"another agent is known by `{client_id}` already")])


def _claim(spec: Spec) -> tuple[str, str] | None:
    match spec:
        case ToolServer(url=url):
            return "url", url
        case TrustIssuer(issuer=issuer):
            return "issuer", issuer
        case _:
            return None
