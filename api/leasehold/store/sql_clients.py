"""Further clients of agents in SQL, inside the transaction of their connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select
from sqlmodel import SQLModel

from leasehold.model.registrations import ClientMetadata, RegisteredClient, RegistrationToken
from leasehold.store.client_rows import ClientNameRow, RegisteredClientRow, RegistrationTokenRow
from leasehold.store.lease_rows import from_micros, to_micros
from leasehold.store.tables import upsert

_NAMES = SQLModel.metadata.tables[str(ClientNameRow.__tablename__)]
_CLIENTS = SQLModel.metadata.tables[str(RegisteredClientRow.__tablename__)]
_TOKENS = SQLModel.metadata.tables[str(RegistrationTokenRow.__tablename__)]


class SqlRegistrations:
    """Whose client a client id is, clients that registered themselves, and tokens that let one do so."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def name(self, agent: str, client_ids: frozenset[str]) -> None:
        """Let an agent be known by these addresses and no others."""
        self._connection.execute(delete(_NAMES).where(_NAMES.c.agent == agent))
        for client_id in sorted(client_ids):
            self._connection.execute(_NAMES.insert().values(client_id=client_id, agent=agent))

    def agent_named(self, client_id: str) -> str | None:
        """The agent that is known by an address."""
        row = self._connection.execute(select(_NAMES.c.agent).where(_NAMES.c.client_id == client_id)).first()
        return str(row.agent) if row is not None else None

    def names_any(self) -> bool:
        """True if some agent is known by an address."""
        return self._connection.execute(select(_NAMES.c.agent).limit(1)).first() is not None

    def offer(self, token: RegistrationToken) -> None:
        """Remember an initial access token."""
        values = {"sha256": token.sha256, "agent": token.agent, "expires_at": to_micros(token.expires_at)}
        self._connection.execute(_TOKENS.insert().values(values))

    def offered(self, sha256: str) -> RegistrationToken | None:
        """An initial access token, expired or not."""
        row = self._connection.execute(select(_TOKENS).where(_TOKENS.c.sha256 == sha256)).first()
        return _to_token(row) if row is not None else None

    def take(self, sha256: str) -> RegistrationToken | None:
        """An initial access token; whoever takes it is the only one."""
        taken = delete(_TOKENS).where(_TOKENS.c.sha256 == sha256).returning(*_TOKENS.c)
        row = self._connection.execute(taken).first()
        return _to_token(row) if row is not None else None

    def put(self, client: RegisteredClient) -> None:
        """Remember a client, instead of what it said before."""
        said = client.metadata
        detail = {
            "redirect_uris": sorted(said.redirect_uris),
            "grants": sorted(said.grants),
            "jwks": said.jwks,
            "jwks_uri": said.jwks_uri,
            "name": said.name,
        }
        values = {
            "client_id": said.client_id,
            "agent": client.agent,
            "detail": detail,
            "token_sha256": client.token_sha256,
            "created_at": to_micros(client.created_at),
        }
        upsert(self._connection, _CLIENTS, values)

    def find(self, client_id: str) -> RegisteredClient | None:
        """A client that registered itself."""
        row = self._connection.execute(select(_CLIENTS).where(_CLIENTS.c.client_id == client_id)).first()
        return _to_client(row) if row is not None else None

    def of_agent(self, agent: str) -> Sequence[RegisteredClient]:
        """The clients that registered themselves for an agent, by client id."""
        found = select(_CLIENTS).where(_CLIENTS.c.agent == agent).order_by(_CLIENTS.c.client_id)
        return [_to_client(row) for row in self._connection.execute(found)]

    def every(self) -> Sequence[RegisteredClient]:
        """All clients that registered themselves, by client id."""
        return [_to_client(row) for row in self._connection.execute(select(_CLIENTS).order_by(_CLIENTS.c.client_id))]

    def remove(self, client_id: str) -> bool:
        """Forget a client; whether there was one."""
        return bool(self._connection.execute(delete(_CLIENTS).where(_CLIENTS.c.client_id == client_id)).rowcount)

    def forget(self, agent: str, before: datetime | None = None) -> None:
        """Forget the initial access tokens of an agent: all, or those that expired before `before`."""
        gone = delete(_TOKENS).where(_TOKENS.c.agent == agent)
        self._connection.execute(gone if before is None else gone.where(_TOKENS.c.expires_at < to_micros(before)))


def _to_token(row: Row[Any]) -> RegistrationToken:  # Any: SQLAlchemy types the columns of a reflected table no further
    return RegistrationToken(sha256=row.sha256, agent=row.agent, expires_at=from_micros(row.expires_at))


def _to_client(row: Row[Any]) -> RegisteredClient:  # Any: same
    said = row.detail
    metadata = ClientMetadata(
        client_id=row.client_id,
        redirect_uris=frozenset(said["redirect_uris"]),
        grants=frozenset(said["grants"]),
        jwks=said["jwks"],
        jwks_uri=said["jwks_uri"],
        name=said["name"],
    )
    return RegisteredClient(
        metadata=metadata, agent=row.agent, token_sha256=row.token_sha256, created_at=from_micros(row.created_at)
    )
