"""Tool servers that are talked with, spoken to like those that answer: a talk per session, or per caller and call.

INVARIANT: a talk serves one caller at one tool server, from its first message to its last.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from leasehold.gateway.conversations import Conversation
from leasehold.gateway.upstreams import Incoming, Outgoing, UpstreamFailed
from leasehold.mcp.headers import MODERN, SESSION, VERSION

IDLE_SECONDS = 120.0
_LOOK_SECONDS = 10.0
_Key = tuple[str, str]


class TalkedIncoming:
    """An answer: a stream of what the server says until it has answered, or nothing."""

    def __init__(
        self, status: int, headers: Mapping[str, str], queue: asyncio.Queue[bytes | None] | None = None, ended: str = ""
    ) -> None:
        self.status, self.headers, self._queue, self._ended = status, headers, queue, ended
        self.body: bytes | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Each message as an event. Raises `UpstreamFailed`."""
        while self._queue is not None:
            line = await self._queue.get()
            if line is None:
                raise UpstreamFailed(self._ended)
            yield b"event: message\ndata: " + line + b"\n\n"


class ConversingUpstreams(ABC):
    """Begins talks, keeps them while their callers need them, and ends them. At most `many`, and so many of one.

    `sessionless`: versions of MCP that servers of this kind speak without a session.
    """

    sessionless: ClassVar[frozenset[str]] = MODERN

    def __init__(self, *, many: int, many_of_one: int) -> None:
        self._many, self._many_of_one = many, many_of_one
        self._sessions: dict[tuple[_Key, str], Conversation] = {}
        self._idle: dict[_Key, list[Conversation]] = {}
        self._running: dict[Conversation, _Key] = {}
        self._sweeping: asyncio.Task[None] | None = None

    @abstractmethod
    async def converse(self, outgoing: Outgoing) -> Conversation:
        """A new talk. Raises `UpstreamFailed`."""

    @asynccontextmanager
    async def send(self, outgoing: Outgoing) -> AsyncGenerator[Incoming]:
        """The answer to a request. Raises `UpstreamFailed`."""
        key, session = outgoing.on_behalf, outgoing.headers.get(SESSION)
        if outgoing.method == "DELETE":
            await self._end_session(key, session)
            yield TalkedIncoming(204, {})
        elif session is not None:
            async with self._asked(self._session(key, session), outgoing, {}) as incoming:
                yield incoming
        elif outgoing.headers.get(VERSION) in self.sessionless:
            async with self._borrowed(outgoing) as talk, self._asked(talk, outgoing, {}) as incoming:
                yield incoming
        elif _opens(outgoing.body):
            session = secrets.token_urlsafe(18)
            self._sessions[key, session] = talk = await self._start(outgoing)
            async with self._asked(talk, outgoing, {SESSION: session}) as incoming:
                yield incoming
        else:
            yield TalkedIncoming(400, {})

    async def hang_up(self) -> None:
        """End every talk."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for talk in list(self._running):
            await self._end(talk)

    @asynccontextmanager
    async def _asked(
        self, talk: Conversation, outgoing: Outgoing, headers: Mapping[str, str]
    ) -> AsyncGenerator[TalkedIncoming]:
        streaming = {**headers, "content-type": "text/event-stream"}
        if outgoing.method == "GET":
            yield TalkedIncoming(200, streaming, talk.heard, talk.ended_as)
            return
        ids = _ids(outgoing.body)
        queue = talk.expect(ids) if ids else None
        try:
            await talk.write(outgoing)
            yield TalkedIncoming(200 if ids else 202, streaming if ids else headers, queue, talk.ended_as)
        finally:
            talk.forget(ids)

    @asynccontextmanager
    async def _borrowed(self, outgoing: Outgoing) -> AsyncGenerator[Conversation]:
        """A talk that nobody else talks to meanwhile: two clients of one agent may well use the same ids."""
        idle = self._idle.setdefault(outgoing.on_behalf, [])
        talk = idle.pop() if idle and idle[-1].runs else await self._start(outgoing)
        try:
            yield talk
        except BaseException:
            await self._end(talk)  # it may still answer, and the next one must not hear it
            raise
        if talk.runs and not talk.is_busy:
            idle.append(talk)
        else:
            await self._end(talk)

    async def _start(self, outgoing: Outgoing) -> Conversation:
        mine = sum(key == outgoing.on_behalf for key in self._running.values())
        if len(self._running) >= self._many or mine >= self._many_of_one:
            raise UpstreamFailed("too_many_sessions", status=503)
        talk = await self.converse(outgoing)
        self._running[talk] = outgoing.on_behalf
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())
        return talk

    def _session(self, key: _Key, session: str) -> Conversation:
        talk = self._sessions.get((key, session))
        if talk is None or not talk.runs:
            raise UpstreamFailed("session_gone", status=404)
        return talk

    async def _end_session(self, key: _Key, session: str | None) -> None:
        talk = self._sessions.pop((key, session or ""), None)
        if talk is not None:
            await self._end(talk)

    async def _end(self, talk: Conversation) -> None:
        self._running.pop(talk, None)
        await talk.end()

    async def _sweep(self) -> None:
        """End what nobody has used for a while."""
        while self._running:
            await asyncio.sleep(_LOOK_SECONDS)
            now = asyncio.get_running_loop().time()
            for talk in list(self._running):
                if not talk.runs or (not talk.is_busy and now - talk.used_at > IDLE_SECONDS):
                    await self._end(talk)
            self._sessions = {key: one for key, one in self._sessions.items() if one in self._running}
            idle = {key: [one for one in kept if one in self._running] for key, kept in self._idle.items()}
            self._idle = {key: kept for key, kept in idle.items() if kept}


def _messages(body: bytes) -> list[Any]:  # Any: JSON
    found = json.loads(body)
    return found if isinstance(found, list) else [found]


def _ids(body: bytes) -> list[str]:
    return [str(one["id"]) for one in _messages(body) if "method" in one and "id" in one]


def _opens(body: bytes) -> bool:
    return bool(body) and any(one.get("method") == "initialize" for one in _messages(body))
