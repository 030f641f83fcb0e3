"""What people consented to, seen and taken back: by themselves with an identity token, or by the security role."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from leasehold.authn.ports import SubjectTokenVerifier
from leasehold.authn.registry_tokens import RegistryTokens
from leasehold.exchange.persons import Persons
from leasehold.exchange.ports import Store
from leasehold.exchange.views import Views
from leasehold.model.consents import Consent
from leasehold.model.errors import Forbidden, NotFound
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import consent_node
from leasehold.model.principal import Principal
from leasehold.policy.consenting import ConsentPermit, decide_consents, decide_own_consents


class Consents:
    """Lists and ends consents."""

    def __init__(self, *, callers: RegistryTokens, verifier: SubjectTokenVerifier, views: Views, store: Store) -> None:
        self._persons = Persons(callers, verifier, views)
        self._store = store

    async def permit(self, bearer: str, user: str | None, now: datetime, key: str | None = None) -> ConsentPermit:
        """Whose consents this caller may change. Raises `Unauthenticated`, `Forbidden`, `Unavailable`."""
        caller = await self._persons.authenticate(bearer, now, key)
        if isinstance(caller, Principal):
            return _of_another(caller, user)
        if user not in {None, caller.id}:
            raise Forbidden("a person sees and ends their own consents")
        return decide_own_consents(caller.id)

    async def list(self, permit: ConsentPermit) -> Sequence[Consent]:
        """All consents of one person, ended ones too."""
        return await asyncio.to_thread(self._list, permit)

    async def end(self, permit: ConsentPermit, agent: str, resource: str, now: datetime) -> None:
        """End a consent and every token that rests on it, durably when this returns. Raises `NotFound`."""
        await asyncio.to_thread(self._end, permit, agent, resource, now)

    def _list(self, permit: ConsentPermit) -> Sequence[Consent]:
        with self._store.read() as unit:
            return unit.consents.of_user(permit.user)

    def _end(self, permit: ConsentPermit, agent: str, resource: str, now: datetime) -> None:
        with self._store.begin() as unit:
            consent = unit.consents.find(permit.user, agent, resource)
            if consent is None:
                raise NotFound("consent", agent)
            if consent.revoked_at is None:
                unit.consents.put(replace(consent, revoked_at=now))
                unit.nodes.bump(consent_node(permit.user, agent, resource))
            unit.audit.append(
                AuditEvent(
                    at=now,
                    principal=permit.user,
                    action="end-consent",
                    kind="consents",
                    name=agent,
                    outcome=Outcome.OK,
                    detail={"resource": resource, "by": permit.by},
                )
            )


def _of_another(principal: Principal, user: str | None) -> ConsentPermit:
    permit = decide_consents(principal, user) if user is not None else None
    if permit is None:
        raise Forbidden("name a `user`; only role security-admin sees and ends the consents of others")
    return permit
