"""What is finished when the server stops: the last part of the ASGI lifespan protocol."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from leasehold.web.asgi import Application, Receive, Scope, Send

_log = logging.getLogger(__name__)


def finishing(app: Application, finish: Sequence[Callable[[], None]]) -> Application:
    """The app, which calls each of `finish` in turn once the server takes no more requests."""

    async def finished(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        for step in finish:
            await _take(step)
        await send({"type": "lifespan.shutdown.complete"})

    return finished


async def _take(step: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(step)  # it may wait for threads that answer through this very loop
    except Exception as error:  # noqa: BLE001  the next step is owed its turn whatever became of this one
        _log.error("not finished cleanly: %s", type(error).__name__, exc_info=error)
