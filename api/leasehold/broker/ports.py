"""What this room needs of the world: a store, somebody who keeps secrets shut, authorization servers, signers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from leasehold.model.connection_secrets import AwsSecret, MtlsSecret
from leasehold.model.connections import (
    Binding,
    Connection,
    DrawnCredential,
    EndingConnection,
    Envelope,
    Holder,
    Promotion,
    SealedConnection,
    UpstreamCall,
    UpstreamClient,
)
from leasehold.model.consents import Pending, Stage
from leasehold.model.events import AuditEvent
from leasehold.model.kinds import Kind
from leasehold.model.leases import Node
from leasehold.model.objects import Spec, Stored
from leasehold.model.upstream import AwsSigV4Upstream
from leasehold.model.upstream_oauth import ClientIdentity, IssuedTokens, ResourceMetadata, ServerMetadata


class Objects(Protocol):
    """The live objects, as far as they are read here."""

    def find(self, kind: Kind, name: str) -> Stored[Spec] | None: ...


class Nodes(Protocol):
    """Generations of the revocation tree. A node that was never written has none."""

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]: ...


class Connections(Protocol):
    """Connections. A secret is found by its holder and its tool server: there is no other way to one."""

    def put(self, sealed: SealedConnection) -> None: ...
    def find(self, holder: Holder, tool_server: str) -> SealedConnection | None: ...
    def named(self, connection_id: str) -> Connection | None: ...
    def list(
        self, *, after: str = "", limit: int, holder: Holder | None = None, tool_server: str | None = None
    ) -> Sequence[Connection]: ...
    def replace(self, sealed: SealedConnection, revision: int) -> bool: ...
    def claim(self, connection: Connection, now: datetime, until: datetime) -> bool: ...
    def remove(self, connection: Connection) -> bool: ...


class Promotions(Protocol):
    """Which agent may use which shared connection."""

    def put(self, promotion: Promotion) -> None: ...
    def find(self, agent: str, tool_server: str) -> Promotion | None: ...
    def of_connection(self, connection_id: str) -> Sequence[Promotion]: ...
    def remove(self, agent: str, tool_server: str) -> bool: ...


class ConnectionEndings(Protocol):
    """Connections that are over, until their tokens are revoked upstream."""

    def add(self, ending: EndingConnection) -> None: ...
    def due(self, now: datetime, limit: int) -> Sequence[EndingConnection]: ...
    def replace(self, ending: EndingConnection, seen: datetime) -> bool: ...
    def remove(self, connection_id: str) -> bool: ...


class UpstreamClients(Protocol):
    """Who we are at authorization servers, keyed by issuer."""

    def find(self, issuer: str, redirect_uri: str) -> UpstreamClient | None: ...
    def put(self, client: UpstreamClient) -> None: ...
    def remove(self, client: UpstreamClient) -> bool: ...
    def list(self) -> Sequence[UpstreamClient]: ...


class Authorizations(Protocol):
    """Flows under way, by the digest of the secret that leads on."""

    def add(self, pending: Pending) -> None: ...
    def find(self, digest: str, stage: Stage) -> Pending | None: ...
    def take(self, digest: str, stage: Stage) -> Pending | None: ...
    def forget(self, before: datetime) -> int: ...


class AuditLog(Protocol):
    """Events, append-only."""

    def append(self, event: AuditEvent) -> None: ...


class UnitOfWork(Protocol):
    """One transaction: what happens in it happens together, or not at all."""

    @property
    def objects(self) -> Objects: ...
    @property
    def nodes(self) -> Nodes: ...
    @property
    def connections(self) -> Connections: ...
    @property
    def promotions(self) -> Promotions: ...
    @property
    def connection_endings(self) -> ConnectionEndings: ...
    @property
    def upstream_clients(self) -> UpstreamClients: ...
    @property
    def authorizations(self) -> Authorizations: ...
    @property
    def audit(self) -> AuditLog: ...


class Store(Protocol):
    """Opens transactions: commits on normal exit, rolls back on an exception. Raises `Unavailable`."""

    def begin(self) -> AbstractContextManager[UnitOfWork]: ...
    def read(self) -> AbstractContextManager[UnitOfWork]: ...


class Vault(Protocol):
    """Keeps secrets shut. What one binding sealed opens for no other: `open` raises `CannotOpen` then."""

    @property
    def key_id(self) -> str: ...
    def seal(self, secret: str, binding: Binding) -> Envelope: ...
    def open(self, envelope: Envelope, binding: Binding) -> str: ...
    def rewrap(self, envelope: Envelope, binding: Binding) -> Envelope: ...


class KeyRotation(Protocol):
    """Makes a new key-encryption key, where that is ours to make; gives the id of the one that wraps now."""

    def rotate(self) -> str: ...


class AuthorizationServers(Protocol):
    """The other side of OAuth. All raise `UpstreamRefused` for a no, `UpstreamSilent` for no answer."""

    async def resource(self, address: str, *, allow_private: bool) -> ResourceMetadata: ...
    async def server(self, issuer: str, *, allow_private: bool) -> ServerMetadata: ...
    async def register(
        self, server: ServerMetadata, metadata: Mapping[str, object], *, allow_private: bool
    ) -> ClientIdentity: ...
    async def token(
        self, server: ServerMetadata, client: ClientIdentity, form: Mapping[str, str], *, allow_private: bool
    ) -> IssuedTokens: ...
    async def revoke(
        self, server: ServerMetadata, client: ClientIdentity, form: Mapping[str, str], *, allow_private: bool
    ) -> None: ...


class DrawsCredentials(Protocol):
    """Credentials of other systems for calls of an agent. `draw`: None if it may have none; raises `Unavailable`."""

    async def draw(self, agent: str, profile: str) -> DrawnCredential | None: ...
    def stands(self, credential_id: str) -> bool: ...


class SignsRequests(Protocol):
    """The headers that sign a call for AWS."""

    def __call__(
        self, secret: AwsSecret, upstream: AwsSigV4Upstream, call: UpstreamCall
    ) -> tuple[tuple[str, str], ...]: ...


class ChecksCertificates(Protocol):
    """Raises `InvalidValue` unless the key is that of the certificate and both can be read."""

    def __call__(self, secret: MtlsSecret) -> None: ...


class NamedSecrets(Protocol):
    """The server's own secrets, by the names that declarations use. Raises a `LeaseholdError`."""

    def __call__(self, name: str) -> str: ...
