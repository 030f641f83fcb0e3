"""Authorizations under way: a stage is a row under the digest of a secret that only the next party holds.

Whoever leaves a stage is the only one: the row goes in the transaction that makes the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from leasehold.exchange.ports import Store
from leasehold.exchange.records import ANONYMOUS
from leasehold.model.consents import Consent, Pending, Stage, digest_of
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.leases import REGISTRY, Ancestor, Node, consent_node, stands_for, stood_on
from leasehold.model.possession import FirstUse
from leasehold.model.tokens import LEEWAY
from leasehold.policy.consenting import StepPermit
from leasehold.policy.leasing import LeasePermit


class Stages:
    """Finds them and moves them on. Each call is one transaction, durable when it returns. Raises `Unavailable`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, secret: str, stage: Stage) -> Pending | None:
        """The authorization that this secret leads on, at this stage."""
        return await asyncio.to_thread(self._find, secret, stage)

    async def push(self, permit: LeasePermit, pending: Pending, uses: Iterable[FirstUse], now: datetime) -> bool:
        """Begin one that a client pushed; False if what it proved itself with was used before."""
        return await asyncio.to_thread(self._push, permit, pending, tuple(uses), now)

    async def begin(self, permit: StepPermit, pending: Pending, now: datetime, told: AuditEvent) -> None:
        """Begin one of somebody who connects an account of theirs."""
        await asyncio.to_thread(self._begin, permit, pending, now, told)

    async def move(
        self,
        permit: StepPermit,
        pending: Pending,
        following: Pending | None,
        consent: Consent | None = None,
        told: AuditEvent | None = None,
    ) -> bool:
        """From one stage to the next, or to the end; False if somebody did so before."""
        return await asyncio.to_thread(self._move, permit, pending, following, consent, told)

    async def note(self, event: AuditEvent) -> None:
        """Remember that something was refused."""
        await asyncio.to_thread(self._note, event)

    async def is_consented(self, user: str, pending: Pending) -> bool:
        """True iff a consent of this person stands for all that is asked."""
        return await asyncio.to_thread(self._is_consented, user, pending)

    async def stands(self, permit: StepPermit, nodes: tuple[Node, ...]) -> str:
        """The generations that what somebody begins now will hang on."""
        return await asyncio.to_thread(self._stands, permit, (REGISTRY, *nodes))

    async def still_stands(self, text: str) -> bool:
        """True iff nothing of this was revoked since."""
        return await asyncio.to_thread(self._still_stands, stood_on(text))

    def _find(self, secret: str, stage: Stage) -> Pending | None:
        with self._store.read() as unit:
            return unit.authorizations.find(digest_of(secret), stage)

    def _is_consented(self, user: str, pending: Pending) -> bool:
        with self._store.read() as unit:
            consent = unit.consents.find(user, pending.agent, pending.resource)
        return consent is not None and consent.stands_for(pending.scopes)

    def _stands(self, _permit: StepPermit, nodes: tuple[Node, ...]) -> str:
        with self._store.begin() as unit:  # a node that nothing hung on yet is written: its first lease revokes nothing
            return stands_for(Ancestor(node, unit.nodes.ensure(node)) for node in nodes)

    def _still_stands(self, stood: Mapping[Node, int]) -> bool:
        with self._store.read() as unit:
            return bool(stood) and unit.nodes.generations(stood) == stood

    def _push(self, permit: LeasePermit, pending: Pending, first_uses: tuple[FirstUse, ...], now: datetime) -> bool:
        uses = {(use.issuer, use.digest): use.expires_at + LEEWAY for use in first_uses}
        with self._store.begin() as unit:
            if len(unit.replays.first_uses(uses)) != len(uses):
                return False
            unit.authorizations.forget(now)
            unit.authorizations.add(pending)
            unit.audit.append(_event("push", f"agent:{permit.agent}", pending, now))
        return True

    def _begin(self, _permit: StepPermit, pending: Pending, now: datetime, told: AuditEvent) -> None:
        with self._store.begin() as unit:
            unit.authorizations.forget(now)
            unit.authorizations.add(pending)
            unit.audit.append(told)

    def _note(self, event: AuditEvent) -> None:
        with self._store.begin() as unit:
            unit.audit.append(event)

    def _move(
        self,
        permit: StepPermit,
        pending: Pending,
        following: Pending | None,
        consent: Consent | None,
        told: AuditEvent | None,
    ) -> bool:
        with self._store.begin() as unit:
            if unit.authorizations.take(pending.digest, pending.stage) is None or permit.agent != pending.agent:
                return False
            if following is not None:
                unit.authorizations.add(following)
            if told is not None:
                unit.audit.append(told)
            if consent is not None:
                unit.consents.put(_beside(unit.consents.find(consent.user, consent.agent, consent.resource), consent))
                unit.nodes.ensure(consent_node(consent.user, consent.agent, consent.resource))
                unit.audit.append(_event("consent", consent.user, pending, consent.at))
        return True


def _beside(before: Consent | None, consent: Consent) -> Consent:
    """What a person allowed before and did not take back stands: another client of the agent may rest on it."""
    if before is None or before.revoked_at is not None:
        return consent
    return replace(consent, scopes=consent.scopes | before.scopes)


def log_in(pending: Pending, user: str, now: datetime) -> AuditEvent:
    """Somebody logged in at their issuer; nobody, where it was not accepted."""
    about = {"agent": pending.agent} if pending.agent else {"tool_server": pending.get("server")}
    return AuditEvent(
        at=now,
        principal=user or ANONYMOUS,
        action="log-in",
        kind="logins",
        name=pending.get("issuer"),
        outcome=Outcome.OK if user else Outcome.DENIED,
        detail=about,
    )


def _event(action: str, principal: str, pending: Pending, now: datetime) -> AuditEvent:
    detail = {
        "client_id": pending.get("client") or pending.agent,
        "resource": pending.resource,
        "scopes": sorted(pending.scopes),
    }
    return AuditEvent(
        at=now,
        principal=principal,
        action=action,
        kind="consents",
        name=pending.agent,
        outcome=Outcome.OK,
        detail=detail,
    )
