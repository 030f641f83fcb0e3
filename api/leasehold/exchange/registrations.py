"""Which agent a client id is of, in the order they are looked for: an agent, a metadata document, a dynamic client.

Public clients are found where the operator serves them, and of agents that take them; otherwise they are nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from leasehold.exchange.open_clients import OPEN_PREFIX, OpenClients, open_node_name
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.views import AgentView, Pieces, Views
from leasehold.model.leases import Node, client_node
from leasehold.model.people import Agent
from leasehold.model.registrations import CLIENT_GRANTS, ClientMetadata


class ClientDocuments(Protocol):
    """Reads client ID metadata documents. Raises `TokenRefused`."""

    async def read(self, url: str) -> ClientMetadata: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A client, and the agent that it is a client of. `nodes`: what its leases hang on, whichever way it came."""

    metadata: ClientMetadata
    view: AgentView
    nodes: tuple[Node, ...]
    generations: Mapping[Node, int] = field(default_factory=dict)


class Registrations:
    """Finds clients. An address that no agent declared is never fetched. `public`: None serves no public client."""

    def __init__(self, *, documents: ClientDocuments, views: Views, public: OpenClients | None = None) -> None:
        self._documents = documents
        self._views = views
        self._public = public

    async def find(self, client_id: str, pieces: Pieces) -> Registration:
        """The client of this id. Raises `ExchangeRefused`, `TokenRefused`, `Unavailable`."""
        if client_id.startswith(OPEN_PREFIX):
            return await self._open(client_id, pieces)
        view = await self._views.agent(pieces, client_id)
        if view is not None:
            return Registration(metadata=_own(view), view=view, nodes=(client_node(view.facts.name),))
        client = await self._views.client(client_id)
        view = await self._views.agent(pieces, client.agent) if client.agent is not None else None
        if view is None:
            raise ExchangeRefused(ExchangeReason.AGENT_GONE)
        if client.registered is not None and view.facts.agent.dynamic_clients:
            nodes = (client_node(view.facts.name), client_node(client_id))
            metadata = client.registered.metadata
            return Registration(metadata=metadata, view=view, nodes=nodes, generations=client.generations)
        # Asked of the same view whose generations the ledger compares: a name that is taken away meanwhile is seen.
        if client_id not in view.facts.agent.client_ids:
            raise ExchangeRefused(ExchangeReason.AGENT_GONE)
        metadata = await self._documents.read(client_id)
        if metadata.public and (self._public is None or not view.facts.agent.public_clients):
            raise ExchangeRefused(ExchangeReason.CLIENT_REFUSED)
        return Registration(metadata=metadata, view=view, nodes=(client_node(view.facts.name),))

    async def _open(self, client_id: str, pieces: Pieces) -> Registration:
        """A client that registered itself without a token. Raises `ExchangeRefused`."""
        view = await self._views.agent(pieces, self._public.agent) if self._public is not None else None
        if self._public is None or view is None:
            raise ExchangeRefused(ExchangeReason.AGENT_GONE)
        metadata = self._public.find(client_id, view.facts.agent)
        own = client_node(open_node_name(client_id))
        nodes = (client_node(view.facts.name), own)
        generations = await self._views.generations(pieces, (own,))
        return Registration(metadata=metadata, view=view, nodes=nodes, generations=generations)


def own_metadata(name: str, agent: Agent) -> ClientMetadata:
    """An agent as the client of its own name: what its declaration says."""
    return ClientMetadata(
        client_id=name,
        redirect_uris=agent.redirect_uris,
        grants=CLIENT_GRANTS,
        jwks=agent.client_jwks,
        jwks_uri=agent.client_jwks_uri,
    )


def _own(view: AgentView) -> ClientMetadata:
    return own_metadata(view.facts.name, view.facts.agent)
