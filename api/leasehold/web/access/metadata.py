"""`/.well-known/authzen-configuration`, signed besides: kept for some minutes, then made and signed anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import orjson

from leasehold.decisions.metadata import configuration
from leasehold.model.errors import Unavailable

KEPT = timedelta(seconds=300)


class StatementMint(Protocol):
    """Signs what the metadata say. Raises `Unavailable`."""

    async def sign(self, claims: Mapping[str, object]) -> str: ...


class Metadata:
    """The metadata of the decision point at `issuer`, which sends access requests to `requests`.

    `clock` tells the time, aware UTC.
    """

    def __init__(self, issuer: str, mint: StatementMint, clock: Callable[[], datetime], requests: str = "") -> None:
        self._issuer, self._mint, self._clock, self._requests = issuer, mint, clock, requests
        self._document = b""
        self._until: datetime | None = None

    async def document(self) -> bytes:
        """As JSON. While nobody can sign they come unsigned: `signed_metadata` is optional."""
        now = self._clock()
        if self._until is None or now >= self._until:
            claims = configuration(self._issuer, self._requests)
            attested = {**claims, "iss": self._issuer, "iat": int(now.timestamp())}
            try:
                signed = await self._mint.sign(attested)  # AuthZEN 1.0, "Signature Parameter": it never holds itself
            except Unavailable:
                return orjson.dumps(claims)
            self._document, self._until = orjson.dumps({**claims, "signed_metadata": signed}), now + KEPT
        return self._document
