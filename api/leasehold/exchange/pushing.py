"""A client pushes what a person is to be asked (RFC 9126): who asks is known before a browser is sent anywhere."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from leasehold.exchange.client_credentials import ClientRequest, client_refusal, decided_for, uses_of
from leasehold.exchange.clients import Clients, checked_grant
from leasehold.exchange.ledger import Ledger, Note
from leasehold.exchange.logging_in import LoggingIn
from leasehold.exchange.metadata import AUTHORIZATION_CODE
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.stages import Stages
from leasehold.exchange.views import Views
from leasehold.model.consents import Pending, Stage, digest_of
from leasehold.policy.consenting import decide_start

PUSHED_FOR = timedelta(seconds=90)
REQUEST_URI = "urn:ietf:params:oauth:request_uri:"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedRequest:
    """What an agent wants a person to be asked (RFC 9126 §2.1). `issuer`: where to log in, if there is a choice.

    `key`: the thumbprint of the only key to which the code will bring a token, if the agent says so now (RFC 9449 §10).
    """

    client: ClientRequest
    redirect_uri: str
    challenge: str
    state: str | None
    issuer: str | None
    silent: bool
    key: str | None = None


class Pushing:
    """Takes pushed requests. The only ones there are: what a browser brings along says what was pushed, and no more."""

    def __init__(
        self, *, clients: Clients, logging_in: LoggingIn, views: Views, stages: Stages, ledger: Ledger
    ) -> None:
        self._clients = clients
        self._logging_in = logging_in
        self._views = views
        self._stages = stages
        self._ledger = ledger

    async def push(self, request: PushedRequest, now: datetime) -> str:
        """The request_uri of a request. Raises `ExchangeRefused`, which is on record then; `Unavailable`."""
        try:
            return await self._pushed(request, now)
        except ExchangeRefused as refused:
            event = client_refusal("push", request.client.credential, None, refused.reason, now)
            await self._ledger.write(Note(event))
            raise

    async def _pushed(self, request: PushedRequest, now: datetime) -> str:
        await self._views.refresh(self._views.pieces)
        client = await self._clients.authenticate(request.client.credential, self._views.pieces, now)
        lease = decided_for(client, request.client, now)
        step = decide_start(client.agent, checked_grant(client, AUTHORIZATION_CODE).metadata, request.redirect_uri)
        if step is None:
            raise ExchangeRefused(ExchangeReason.REDIRECT_REFUSED)
        name, _ = await self._logging_in.issuer_named(request.issuer)
        reference = secrets.token_urlsafe(32)
        pending = Pending(
            digest=digest_of(reference),
            stage=Stage.PUSHED,
            agent=client.agent,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            state=request.state,
            resource=lease.audience,
            scopes=lease.scopes,
            expires_at=now + PUSHED_FOR,
            detail=(
                ("client", client.metadata.client_id),
                ("issuer", name),
                ("silent", "1" if request.silent else ""),
                ("key", request.key or ""),
            ),
        )
        if not await self._stages.push(lease, pending, uses_of(client, request.client.proof), now):
            raise ExchangeRefused(ExchangeReason.REPLAYED)
        return REQUEST_URI + reference
