"""Credentials of credential profiles for calls: drawn once per agent and profile, used while they stand.

They are bound to a lease of their own, on record before they exist, and killed by the token service when that falls:
when the agent is suspended, revoked or narrowed, when its profile changes, or five minutes later.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from leasehold.broker.ports import DrawsCredentials, SignsRequests
from leasehold.model.connection_secrets import AwsSecret
from leasehold.model.connections import (
    Authorized,
    ConnectionKind,
    DrawnCredential,
    NotConnected,
    NotConnectedReason,
    UpstreamCall,
)
from leasehold.model.credentials import AwsSession, PostgresqlLogin
from leasehold.model.errors import Unavailable
from leasehold.model.upstream import AwsSigV4Upstream, CredentialUpstream

_ENDS_SOON = timedelta(seconds=20)
_KEPT = 10_000
Place = tuple[str, str]


@dataclass(slots=True)
class _Kept:
    """A credential, and the version of the world in which it was last seen to stand."""

    credential: DrawnCredential = field(repr=False)
    version: int


class Drawing:
    """Draws. Belongs to one event loop."""

    def __init__(self, *, draws: DrawsCredentials, sign: SignsRequests) -> None:
        self._draws = draws
        self._sign = sign
        self._kept: dict[Place, _Kept] = {}
        self._flights: dict[Place, asyncio.Task[DrawnCredential | None]] = {}

    async def authorize(
        self, upstream: CredentialUpstream, call: UpstreamCall, version: int
    ) -> Authorized | NotConnected:
        """What goes out with a call; `version` is that of the world. Raises `Unavailable`."""
        drawn = await self._standing((call.agent, upstream.profile), call, version)
        if drawn is None:
            return NotConnected(reason=NotConnectedReason.NOT_PROMOTED)
        return Authorized(
            headers=self._headers(drawn, upstream, call),
            connection=f"credential:{drawn.id}",
            kind=ConnectionKind.SHARED,
        )

    async def _standing(self, place: Place, call: UpstreamCall, version: int) -> DrawnCredential | None:
        kept = self._kept.get(place)
        if kept is not None and call.now + _ENDS_SOON < kept.credential.ends_at:
            if kept.version == version:
                return kept.credential
            if await asyncio.to_thread(self._draws.stands, kept.credential.id):
                kept.version = version
                return kept.credential
        self._kept.pop(place, None)
        drawn = await self._drawn(place)
        if drawn is not None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[place] = _Kept(drawn, version)
        return drawn

    async def _drawn(self, place: Place) -> DrawnCredential | None:
        flight = self._flights.get(place)
        if flight is None:
            flight = asyncio.create_task(self._draws.draw(*place))
            self._flights[place] = flight
            flight.add_done_callback(lambda _: self._flights.pop(place, None))
        return await asyncio.shield(flight)  # a caller that gives up does not end it for the others

    def _headers(
        self, drawn: DrawnCredential, upstream: CredentialUpstream, call: UpstreamCall
    ) -> tuple[tuple[str, str], ...]:
        if isinstance(drawn.target, AwsSession):
            keys = AwsSecret(
                access_key_id=drawn.secret["AccessKeyId"],
                secret_access_key=drawn.secret["SecretAccessKey"],
                session_token=drawn.secret["SessionToken"],
            )
            return self._sign(keys, AwsSigV4Upstream(region=drawn.target.region, service=upstream.service), call)
        if isinstance(drawn.target, PostgresqlLogin):
            raise Unavailable("a login of PostgreSQL is no credential of a call")
        return (("Authorization", f"Bearer {drawn.secret['token']}"),)
