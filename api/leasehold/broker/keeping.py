"""Secrets brought by hand, shared connections promoted for agents, connections seen and ended, keys replaced."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from leasehold.broker.choosing import address_of, ancestors_now, found_agent, found_server
from leasehold.broker.clients import US, Clients
from leasehold.broker.ports import ChecksCertificates, KeyRotation, Store, UnitOfWork, Vault
from leasehold.broker.records import KIND, connection_event
from leasehold.model.connection_secrets import MtlsSecret, Secret, method_of, written
from leasehold.model.connections import (
    Connection,
    EndingConnection,
    Holder,
    Promotion,
    SealedConnection,
    Shared,
)
from leasehold.model.errors import FieldError, InvalidBody, InvalidValue, NotFound, UnknownReference
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.names import check_text
from leasehold.model.upstream import Method, UpstreamAuth
from leasehold.policy.connecting import (
    ConnectPermit,
    ListingPermit,
    SharingPermit,
    UpkeepPermit,
    decide_upkeep,
    may_be_held,
)

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """What is known of a connection, and which agents it is promoted for."""

    connection: Connection
    promotions: Sequence[Promotion]


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """A page in the order of ids; `after` is where the next one starts, None if there is none."""

    items: Sequence[Shown]
    after: str | None


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What became of a change of keys: the key that wraps now, how many moved to it, how many could not."""

    key_id: str
    moved: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What is done to connections by hand. `check` looks at certificates."""

    store: Store
    vault: Vault = field(repr=False)
    check: ChecksCertificates
    rotation: KeyRotation
    clients: Clients

    def add(self, permit: ConnectPermit, tool_server: str, secret: Secret, now: datetime) -> Connection:
        """A connection of a secret that was brought. Raises `NotFound`, `InvalidBody`."""
        if isinstance(secret, MtlsSecret):
            self._check(secret)
        with self.store.begin() as unit:
            auth, address = _declared(unit, tool_server, permit.holder)
            if auth.method is not method_of(secret):
                said = f"tool server `{tool_server}` wants {auth.method.value}"
                raise InvalidBody([FieldError("", said)])
            connection = Connection(
                id=secrets.token_hex(16),
                holder=permit.holder,
                tool_server=tool_server,
                address=address,
                method=auth.method,
                created_at=now,
                created_by=permit.by,
                ancestors=ancestors_now(unit, permit.holder),
                updated_at=now,
            )
            envelope = self.vault.seal(written(secret), connection.binding)
            unit.connections.put(SealedConnection(connection=connection, envelope=envelope))
            unit.audit.append(connection_event("connect", connection, permit.by, now))
        return connection

    def list(self, permit: ListingPermit, after: str, limit: int, tool_server: str | None) -> ConnectionPage:
        """What is known of connections; never what they hold."""
        with self.store.read() as unit:
            found = unit.connections.list(after=after, limit=limit + 1, holder=permit.holder, tool_server=tool_server)
            shown = [Shown(one, _promotions(unit, one)) for one in found[:limit]]
        return ConnectionPage(shown, found[limit - 1].id if len(found) > limit else None)

    def named(self, connection_id: str) -> Connection:
        """What is known of one connection. Raises `NotFound`."""
        with self.store.read() as unit:
            found = unit.connections.named(connection_id)
        if found is None:
            raise NotFound("connection", connection_id)
        return found

    def remove(self, permit: ConnectPermit, connection_id: str, now: datetime) -> None:
        """End a connection: unusable when this returns, its tokens revoked upstream soon. Raises `NotFound`."""
        with self.store.begin() as unit:
            found = unit.connections.named(connection_id)
            if found is None or found.holder != permit.holder:
                raise NotFound("connection", connection_id)
            end(unit, decide_upkeep(found.holder), found, "removed", now)
            unit.audit.append(connection_event("remove", found, permit.by, now))

    def promote(self, permit: SharingPermit, connection_id: str, agent: str, why: str, now: datetime) -> Promotion:
        """Let an agent use a shared connection. Raises `NotFound`, `InvalidBody`, `UnknownReference`."""
        _check_reason(why)
        with self.store.begin() as unit:
            found, registered = unit.connections.named(connection_id), found_agent(unit, agent)
            if found is None or not isinstance(found.holder, Shared):
                raise NotFound("shared connection", connection_id)
            if registered is None:
                raise UnknownReference("agent", "agent", agent)
            promotion = Promotion(
                agent=agent,
                tool_server=found.tool_server,
                connection=found.id,
                holder=found.holder,
                agent_since=registered.created_at,
                promoted_at=now,
                promoted_by=permit.by,
                justification=why,
            )
            unit.promotions.put(promotion)
            unit.audit.append(connection_event("promote", found, permit.by, now, reason=why, agent=agent))
        return promotion

    def demote(self, permit: SharingPermit, connection_id: str, agent: str, now: datetime) -> None:
        """Take a shared connection back from an agent. Raises `NotFound`."""
        with self.store.begin() as unit:
            found = unit.connections.named(connection_id)
            promotion = unit.promotions.find(agent, found.tool_server) if found is not None else None
            if found is None or promotion is None or promotion.connection != connection_id:
                raise NotFound("promotion", agent)
            unit.promotions.remove(agent, found.tool_server)
            unit.audit.append(connection_event("demote", found, permit.by, now, agent=agent))

    def rotate(self, permit: SharingPermit, now: datetime) -> Rewrapped:
        """Wrap everything by a new key-encryption key; secrets stay as they are, and shut."""
        key_id = self.rotation.rotate()
        moved, left = self.clients.rewrap(decide_upkeep(US)), 0
        after = ""
        while page := self._page(after):
            for one in page:
                before = moved
                moved += self._rewrap(decide_upkeep(one.holder), one)
                left += before == moved and self._is_old(one)
            after = page[-1].id
        with self.store.begin() as unit:
            unit.audit.append(_rotation(permit, key_id, moved, now))
        return Rewrapped(key_id, moved, left)

    def _page(self, after: str) -> Sequence[Connection]:
        with self.store.read() as unit:
            return unit.connections.list(after=after, limit=_AT_ONCE)

    def _rewrap(self, permit: UpkeepPermit, one: Connection) -> bool:
        with self.store.begin() as unit:
            found = unit.connections.find(permit.holder, one.tool_server)
            if found is None or found.envelope.key_id == self.vault.key_id:
                return False
            envelope = self.vault.rewrap(found.envelope, found.connection.binding)
            return unit.connections.replace(replace(found, envelope=envelope), found.connection.revision)

    def _is_old(self, one: Connection) -> bool:
        with self.store.read() as unit:
            found = unit.connections.find(one.holder, one.tool_server)
        return found is not None and found.envelope.key_id != self.vault.key_id

    def _check(self, secret: MtlsSecret) -> None:
        try:
            self.check(secret)
        except InvalidValue as error:
            raise InvalidBody([FieldError("mtls", str(error))]) from None


def end(unit: UnitOfWork, permit: UpkeepPermit, connection: Connection, reason: str, now: datetime) -> bool:
    """Make a connection unusable, with every promotion of it, and remember what is left to do upstream."""
    sealed = unit.connections.find(permit.holder, connection.tool_server)
    if sealed is None or sealed.connection.id != connection.id or not unit.connections.remove(connection):
        return False
    for one in unit.promotions.of_connection(connection.id):
        unit.promotions.remove(one.agent, one.tool_server)
    if connection.method is Method.OAUTH:
        unit.connection_endings.add(
            EndingConnection(
                connection=sealed.connection,
                envelope=sealed.envelope,
                reason=reason,
                ended_at=now,
                next_attempt_at=now,
            )
        )
    return True


def _declared(unit: UnitOfWork, tool_server: str, holder: Holder) -> tuple[UpstreamAuth, str]:
    stored = found_server(unit, tool_server)
    auth = stored.spec.upstream_auth if stored is not None else None
    if stored is None or auth is None:
        raise NotFound("tool server to connect", tool_server)
    if not may_be_held(auth, holder):
        kind = "shared" if isinstance(holder, Shared) else "personal"
        raise InvalidBody([FieldError("", f"tool server `{tool_server}` takes no {kind} connections")])
    return auth, address_of(stored.spec)


def _promotions(unit: UnitOfWork, one: Connection) -> Sequence[Promotion]:
    return unit.promotions.of_connection(one.id) if isinstance(one.holder, Shared) else ()


def _check_reason(why: str) -> None:
    try:
        check_text(why, "justification")
    except InvalidValue as error:
        raise InvalidBody([FieldError("justification", str(error))]) from None
    if not why.strip():
        raise InvalidBody([FieldError("justification", "say why the agent needs it: it is kept, and audited")])


def _rotation(permit: SharingPermit, key_id: str, moved: int, now: datetime) -> AuditEvent:
    return AuditEvent(
        at=now,
        principal=permit.by,
        action="rotate-keys",
        kind=KIND,
        name="*",
        outcome=Outcome.OK,
        detail={"key": key_id, "moved": moved},
    )
