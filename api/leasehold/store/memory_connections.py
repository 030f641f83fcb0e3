"""Connections, promotions, endings and us as a client elsewhere in memory, on dicts that the unit of work owns."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.connections import (
    Connection,
    EndingConnection,
    Holder,
    Promotion,
    SealedConnection,
    Shared,
    UpstreamClient,
)
from leasehold.store.bumps import Bumps

Place = tuple[Holder, str]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A connection, and until when somebody refreshes it."""

    sealed: SealedConnection
    until: datetime | None = None


class MemoryConnections:
    """Connections by who holds them and for which tool server."""

    def __init__(self, connections: MutableMapping[Place, Claimed], bumps: Bumps) -> None:
        self._connections = connections
        self._bumps = bumps

    def put(self, sealed: SealedConnection) -> None:
        """Remember a connection instead of the one that this holder had there."""
        if any(one.sealed.connection.id == sealed.connection.id for one in self._connections.values()):
            raise ValueError("an id is given once")
        self._bumps.changed = True
        self._connections[_place(sealed.connection)] = Claimed(sealed)

    def find(self, holder: Holder, tool_server: str) -> SealedConnection | None:
        """The one connection of this holder at this tool server, with its secret: there is no other way to it."""
        found = self._connections.get((holder, tool_server))
        return found.sealed if found is not None else None

    def named(self, connection_id: str) -> Connection | None:
        """What is known of the connection with this id."""
        known = (one.sealed.connection for one in self._connections.values())
        return next((one for one in known if one.id == connection_id), None)

    def list(
        self, *, after: str = "", limit: int, holder: Holder | None = None, tool_server: str | None = None
    ) -> Sequence[Connection]:
        """What is known of connections, in the order of their ids."""
        found = [
            one.sealed.connection
            for (held_by, server), one in self._connections.items()
            if (holder is None or held_by == holder) and (tool_server is None or server == tool_server)
        ]
        return sorted((one for one in found if one.id > after), key=lambda one: one.id)[:limit]

    def shared(self) -> Sequence[Connection]:
        """What is known of those that are the organisation's, in the order of their ids."""
        found = [one.sealed.connection for (holder, _), one in self._connections.items() if isinstance(holder, Shared)]
        return sorted(found, key=lambda one: one.id)

    def replace(self, sealed: SealedConnection, revision: int) -> bool:
        """Remember a connection as it is now, unless it moved on from `revision`; whether it was remembered."""
        place = _place(sealed.connection)
        if not self._is(place, sealed.connection.id, revision):
            return False
        self._bumps.changed = True
        self._connections[place] = Claimed(sealed)
        return True

    def claim(self, connection: Connection, now: datetime, until: datetime) -> bool:
        """Be the only one to refresh it until then; False if somebody else is, or it moved on meanwhile."""
        place = _place(connection)
        if not self._is(place, connection.id, connection.revision):
            return False
        found = self._connections[place]
        if found.until is not None and found.until > now:
            return False
        self._connections[place] = Claimed(found.sealed, until)
        return True

    def remove(self, connection: Connection) -> bool:
        """Forget a connection; whether it was there."""
        found = self._connections.get(_place(connection))
        if found is None or found.sealed.connection.id != connection.id:
            return False
        self._bumps.changed = True
        del self._connections[_place(connection)]
        return True

    def _is(self, place: Place, connection_id: str, revision: int) -> bool:
        found = self._connections.get(place)
        known = found.sealed.connection if found is not None else None
        return known is not None and (known.id, known.revision) == (connection_id, revision)


class MemoryPromotions:
    """Which agent may use which shared connection."""

    def __init__(self, promotions: MutableMapping[tuple[str, str], Promotion], bumps: Bumps) -> None:
        self._promotions = promotions
        self._bumps = bumps

    def put(self, promotion: Promotion) -> None:
        """Remember a promotion instead of the one that this agent had there."""
        self._bumps.changed = True
        self._promotions[promotion.agent, promotion.tool_server] = promotion

    def find(self, agent: str, tool_server: str) -> Promotion | None:
        """What this agent may use at this tool server."""
        return self._promotions.get((agent, tool_server))

    def of_connection(self, connection_id: str) -> Sequence[Promotion]:
        """Every agent that may use a connection, by name."""
        found = [one for one in self._promotions.values() if one.connection == connection_id]
        return sorted(found, key=lambda one: one.agent)

    def every(self) -> Sequence[Promotion]:
        """All of them, by agent and tool server."""
        return [self._promotions[key] for key in sorted(self._promotions)]

    def remove(self, agent: str, tool_server: str) -> bool:
        """End a promotion; whether there was one."""
        removed = self._promotions.pop((agent, tool_server), None) is not None
        self._bumps.changed |= removed
        return removed


class MemoryConnectionEndings:
    """Connections that nobody can use any more, by id."""

    def __init__(self, endings: MutableMapping[str, EndingConnection]) -> None:
        self._endings = endings

    def add(self, ending: EndingConnection) -> None:
        """Remember what is left to do."""
        if ending.connection.id in self._endings:
            raise ValueError("a connection ends once")
        self._endings[ending.connection.id] = ending

    def due(self, now: datetime, limit: int) -> Sequence[EndingConnection]:
        """Those whose next attempt is due, the longest due first."""
        found = [one for one in self._endings.values() if one.next_attempt_at <= now]
        return sorted(found, key=lambda one: (one.next_attempt_at, one.connection.id))[:limit]

    def find(self, connection_id: str) -> EndingConnection | None:
        """The one with this id."""
        return self._endings.get(connection_id)

    def replace(self, ending: EndingConnection, seen: datetime) -> bool:
        """Remember it as it is now, unless somebody else took it since its attempt was due at `seen`; whether so."""
        found = self._endings.get(ending.connection.id)
        if found is None or found.next_attempt_at != seen:
            return False
        self._endings[ending.connection.id] = ending
        return True

    def remove(self, connection_id: str) -> bool:
        """Nothing is left to do; whether there was."""
        return self._endings.pop(connection_id, None) is not None


class MemoryUpstreamClients:
    """Who we are, by authorization server and redirect address: never at another one."""

    def __init__(self, clients: MutableMapping[tuple[str, str], UpstreamClient]) -> None:
        self._clients = clients

    def find(self, issuer: str, redirect_uri: str) -> UpstreamClient | None:
        """Us at this very issuer."""
        return self._clients.get((issuer, redirect_uri))

    def put(self, client: UpstreamClient) -> None:
        """Remember who we are there now."""
        self._clients[client.issuer, client.redirect_uri] = client

    def remove(self, client: UpstreamClient) -> bool:
        """Nobody knows us there any more; whether somebody did."""
        found = self.find(client.issuer, client.redirect_uri)
        if found is None or found.client_id != client.client_id:
            return False
        del self._clients[client.issuer, client.redirect_uri]
        return True

    def list(self) -> Sequence[UpstreamClient]:
        """All of them, by issuer."""
        return [self._clients[key] for key in sorted(self._clients)]


def _place(connection: Connection) -> Place:
    return connection.holder, connection.tool_server
