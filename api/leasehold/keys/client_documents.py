"""Client ID metadata documents, fetched for all who wait, kept a while, and never longer than they are there.

| kept | for |
|---|---|
| a document | 5 minutes, then fetched again |
| a failure | 30 seconds until the next attempt |

A document that cannot be fetched any more is a client that is gone: nothing is served from what was kept before.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from leasehold.keys.issuer_keys import COOL_DOWN_SECONDS, Fetcher
from leasehold.keys.network import FetchRefused
from leasehold.model.errors import InvalidValue
from leasehold.model.registrations import ClientMetadata, metadata_of_document
from leasehold.model.tokens import Flaw, TokenRefused

FRESH_SECONDS = 300.0
_DOCUMENTS = 1000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """What is known of one document. `read_at` is of a monotonic clock; no metadata after a failure."""

    metadata: ClientMetadata | None = None
    read_at: float = float("-inf")
    flight: asyncio.Task[None] | None = field(default=None, repr=False)


class ClientDocuments:
    """Reads documents. Belongs to one event loop."""

    def __init__(self, network: Fetcher, clock: Callable[[], float] = time.monotonic) -> None:
        self._network = network
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    async def read(self, url: str) -> ClientMetadata:
        """The client that the document at `url` describes. Raises `TokenRefused`."""
        if url not in self._entries and len(self._entries) >= _DOCUMENTS:
            self._entries.clear()
        entry = self._entries.setdefault(url, _Entry())
        kept_for = FRESH_SECONDS if entry.metadata is not None else COOL_DOWN_SECONDS
        if entry.flight is not None or self._clock() - entry.read_at > kept_for:
            await self._refresh(url, entry)
        if entry.metadata is None:
            raise TokenRefused(Flaw.DOCUMENT_REFUSED)
        return entry.metadata

    async def _refresh(self, url: str, entry: _Entry) -> None:
        # One task fetches for everyone who waits; a caller that gives up does not end it for the others.
        if entry.flight is None:
            entry.flight = asyncio.create_task(self._fetch(url, entry))
        await asyncio.shield(entry.flight)

    async def _fetch(self, url: str, entry: _Entry) -> None:
        entry.metadata = None
        try:
            entry.metadata = metadata_of_document(url, await self._network.get(url, allow_private=False))
        except (FetchRefused, InvalidValue) as error:
            _log.warning("the client metadata document %s was not taken: %s", url, error)
        finally:
            entry.read_at = self._clock()
            entry.flight = None
