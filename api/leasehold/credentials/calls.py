"""Credentials for calls that a gateway makes for an agent: on a lease that it takes for them, five minutes at most."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from leasehold.credentials.issuing import CredentialDesk
from leasehold.credentials.ports import Store, UnitOfWork
from leasehold.credentials.records import CredentialRefused, CredentialRequest
from leasehold.credentials.standing import fallen
from leasehold.model.connections import DrawnCredential
from leasehold.model.credentials import CredentialProfile
from leasehold.model.errors import Unauthenticated, Unavailable
from leasehold.model.external import CredentialState, MintRefused
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, Ancestor, Lease, Node, agent_node, owner_node
from leasehold.model.objects import Spec, Stored
from leasehold.model.people import TTL_MAX_SECONDS, Agent, Owner
from leasehold.policy.credentials import CallPermit, credential_scopes, decide_call

BINDING = "gateway"
_LIFE = timedelta(seconds=TTL_MAX_SECONDS)


@dataclass(frozen=True, slots=True)
class CallCredentials:
    """Draws them at the desk. Who the agent is, the gateway has found out before."""

    desk: CredentialDesk
    store: Store

    async def draw(self, agent: str, profile: str) -> DrawnCredential | None:
        """A credential for calls of this agent; None if it may have none, which is on record. Raises `Unavailable`."""
        now = self.desk.clock()
        decided = await asyncio.to_thread(self._decide, agent, profile)
        if decided is None:
            return None
        permit, generations = decided
        lease = await asyncio.to_thread(self._lease, permit, generations, now)
        try:
            issued = await self.desk.issue_on(lease.id, CredentialRequest(bearer="", profile=profile), now)
        except (CredentialRefused, Unauthenticated):
            return None
        except MintRefused as refused:
            raise Unavailable("the other system gives no credential now") from refused
        return DrawnCredential(
            id=issued.record.id,
            target=issued.record.spec.target,
            secret=issued.secret,
            ends_at=min(issued.expires_at, lease.expires_at),
        )

    def stands(self, credential_id: str) -> bool:
        """True while a credential lives and what it hangs on stands."""
        now = self.desk.clock()
        with self.store.read() as unit:
            one = unit.credentials.find(credential_id)
            return one is not None and one.state is CredentialState.LIVE and not fallen(unit, (one,), now)

    def _decide(self, agent: str, profile: str) -> tuple[CallPermit, Mapping[Node, int]] | None:
        with self.store.read() as unit:
            found = cast("Stored[Agent] | None", unit.objects.find(Kind.AGENTS, agent))
            owner = self._owner(unit, found)
            stored = unit.objects.find(Kind.CREDENTIAL_PROFILES, profile)
            if found is None or owner is None or not _is_for_calls(stored):
                return None
            permit = decide_call(agent, found.spec, owner.spec, profile)
            nodes = (REGISTRY, owner_node(found.spec.owner), agent_node(agent))
            return (permit, unit.nodes.generations(nodes)) if permit is not None else None

    @staticmethod
    def _owner(unit: UnitOfWork, agent: Stored[Agent] | None) -> Stored[Owner] | None:
        found = unit.objects.find(Kind.OWNERS, agent.spec.owner) if agent is not None else None
        return cast("Stored[Owner] | None", found)

    def _lease(self, permit: CallPermit, generations: Mapping[Node, int], now: datetime) -> Lease:
        """A lease of its own. If its nodes moved on since they were read, it is born dead."""
        lease = Lease(
            id=secrets.token_hex(16),
            subject=f"agent:{permit.agent}",
            agent=permit.agent,
            deployment=None,
            binding=BINDING,
            audience=self.desk.audience,
            scopes=credential_scopes((permit.profile,)),
            ancestors=tuple(Ancestor(node, generation) for node, generation in generations.items()),
            token_sha256=hashlib.sha256(secrets.token_bytes(32)).hexdigest(),  # of no token: nobody holds one
            issued_at=now,
            expires_at=now + _LIFE,
        )
        with self.store.begin() as unit:
            unit.leases.add_all((lease,))
        return lease


def _is_for_calls(stored: Stored[Spec] | None) -> bool:
    """A login to a database is none to show over HTTP."""
    spec = stored.spec if stored is not None else None
    return isinstance(spec, CredentialProfile) and spec.postgresql is None
