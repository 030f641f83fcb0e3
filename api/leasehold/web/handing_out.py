"""Answers that hand something out: on record as what came of them, once they have been sent or have not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent
from leasehold.policy.decision import Permit
from leasehold.trail.own_events import finish
from leasehold.trail.ports import Store
from leasehold.web.asgi import Message, Receive, Scope, Send

NOT_DELIVERED = "not_delivered"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handing:
    """By which permit it is handed out, the event that it was begun with, and where its end is written."""

    store: Store
    permit: Permit
    begun: AuditEvent
    clock: Callable[[], datetime]

    def ended(self, problem: str, size: int) -> None:
        """Write what came of it."""
        try:
            finish(self.store, self.permit, self.begun, problem, size, self.clock())
        except Unavailable:
            _log.error("what came of `%s` is not recorded", self.begun.action)


class HandedOut(StreamingResponse):
    """An answer whose event was begun. It ends as `ok` if all was sent while the reader was there, else as an error.

    Where its end cannot be written it stays unfinished on record.
    """

    def __init__(self, content: Iterable[bytes], media_type: str, handing: Handing) -> None:
        super().__init__(content, media_type=media_type)
        self._handing = handing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, then record what came of it."""
        sending = _Sending(receive, send)
        try:
            await super().__call__(scope, sending.receive, sending.send)
        finally:
            await run_in_threadpool(self._handing.ended, "" if sending.complete else NOT_DELIVERED, sending.size)


class _Sending:
    """How far an answer has come. What is sent after a reader hung up a server takes and drops: that is not counted."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._gone = False
        self.size = 0
        self.complete = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._gone = self._gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        if self._gone or message["type"] != "http.response.body":
            return
        self.size += len(message["body"])
        self.complete = not message["more_body"]
