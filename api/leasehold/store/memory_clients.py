"""Further clients of agents in memory, on dicts that the unit of work owns."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from datetime import datetime

from leasehold.model.registrations import RegisteredClient, RegistrationToken


class MemoryRegistrations:
    """Whose client a client id is, clients that registered themselves, and tokens that let one do so."""

    def __init__(
        self,
        names: MutableMapping[str, str],
        clients: MutableMapping[str, RegisteredClient],
        tokens: MutableMapping[str, RegistrationToken],
    ) -> None:
        self._names = names
        self._clients = clients
        self._tokens = tokens

    def name(self, agent: str, client_ids: frozenset[str]) -> None:
        """Let an agent be known by these addresses and no others."""
        for client_id in [known for known, of in self._names.items() if of == agent]:
            del self._names[client_id]
        for client_id in client_ids:
            if client_id in self._names:
                raise ValueError("an address names one agent")
            self._names[client_id] = agent

    def agent_named(self, client_id: str) -> str | None:
        """The agent that is known by an address."""
        return self._names.get(client_id)

    def names_any(self) -> bool:
        """True if some agent is known by an address."""
        return bool(self._names)

    def offer(self, token: RegistrationToken) -> None:
        """Remember an initial access token."""
        self._tokens[token.sha256] = token

    def offered(self, sha256: str) -> RegistrationToken | None:
        """An initial access token, expired or not."""
        return self._tokens.get(sha256)

    def take(self, sha256: str) -> RegistrationToken | None:
        """An initial access token; whoever takes it is the only one."""
        return self._tokens.pop(sha256, None)

    def put(self, client: RegisteredClient) -> None:
        """Remember a client, instead of what it said before."""
        self._clients[client.metadata.client_id] = client

    def find(self, client_id: str) -> RegisteredClient | None:
        """A client that registered itself."""
        return self._clients.get(client_id)

    def of_agent(self, agent: str) -> Sequence[RegisteredClient]:
        """The clients that registered themselves for an agent, by client id."""
        return [self._clients[known] for known in sorted(self._clients) if self._clients[known].agent == agent]

    def every(self) -> Sequence[RegisteredClient]:
        """All clients that registered themselves, by client id."""
        return [self._clients[known] for known in sorted(self._clients)]

    def remove(self, client_id: str) -> bool:
        """Forget a client; whether there was one."""
        return self._clients.pop(client_id, None) is not None

    def forget(self, agent: str, before: datetime | None = None) -> None:
        """Forget the initial access tokens of an agent: all, or those that expired before `before`."""
        for sha256, token in list(self._tokens.items()):
            if token.agent == agent and (before is None or token.expires_at < before):
                del self._tokens[sha256]
