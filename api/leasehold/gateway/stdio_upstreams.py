"""Tool servers that are programs, spoken to like those with an address: a process per session, or per caller and call.

INVARIANT: a process serves one caller at one tool server, from its first message to its last.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from leasehold.gateway.headers import MODERN, SESSION, VERSION
from leasehold.gateway.http_upstreams import HttpUpstreams
from leasehold.gateway.programs import Program, start
from leasehold.gateway.upstreams import Incoming, Outgoing, UpstreamFailed

IDLE_SECONDS = 120.0
_LOOK_SECONDS = 10.0
_MANY, _MANY_OF_ONE = 64, 8
_Key = tuple[str, str]


class StdioIncoming:
    """An answer: a stream of what the program says until it has answered."""

    def __init__(self, status: int, headers: Mapping[str, str], queue: asyncio.Queue[bytes | None] | None) -> None:
        self.status, self.headers, self._queue = status, headers, queue
        self.body: bytes | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Each message as an event. Raises `UpstreamFailed`."""
        while self._queue is not None:
            line = await self._queue.get()
            if line is None:
                raise UpstreamFailed("program_ended")
            yield b"event: message\ndata: " + line + b"\n\n"


class StdioUpstreams:
    """Starts programs, keeps them while their callers need them, and ends them. `allowed`: what may be started."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        self._sessions: dict[tuple[_Key, str], Program] = {}
        self._idle: dict[_Key, list[Program]] = {}
        self._running: dict[Program, _Key] = {}
        self._sweeping: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def send(self, outgoing: Outgoing) -> AsyncGenerator[Incoming]:
        """The answer to a request. Raises `UpstreamFailed`."""
        key, session = outgoing.on_behalf, outgoing.headers.get(SESSION)
        if outgoing.method == "DELETE":
            await self._end_session(key, session)
            yield StdioIncoming(204, {}, None)
        elif session is not None:
            async with self._asked(self._session(key, session), outgoing, {}) as incoming:
                yield incoming
        elif outgoing.headers.get(VERSION) in MODERN:
            async with self._borrowed(outgoing) as program, self._asked(program, outgoing, {}) as incoming:
                yield incoming
        elif _opens(outgoing.body):
            session = secrets.token_urlsafe(18)
            self._sessions[key, session] = program = await self._start(outgoing)
            async with self._asked(program, outgoing, {SESSION: session}) as incoming:
                yield incoming
        else:
            yield StdioIncoming(400, {}, None)

    async def hang_up(self) -> None:
        """End every program."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for program in list(self._running):
            await self._end(program)

    @asynccontextmanager
    async def _asked(
        self, program: Program, outgoing: Outgoing, headers: Mapping[str, str]
    ) -> AsyncGenerator[StdioIncoming]:
        streaming = {**headers, "content-type": "text/event-stream"}
        if outgoing.method == "GET":
            yield StdioIncoming(200, streaming, program.heard)
            return
        ids = _ids(outgoing.body)
        queue = program.expect(ids) if ids else None
        try:
            await program.write(outgoing.body)
            yield StdioIncoming(200 if ids else 202, streaming if ids else headers, queue)
        finally:
            program.forget(ids)

    @asynccontextmanager
    async def _borrowed(self, outgoing: Outgoing) -> AsyncGenerator[Program]:
        """A program that nobody else talks to meanwhile: two clients of one agent may well use the same ids."""
        idle = self._idle.setdefault(outgoing.on_behalf, [])
        program = idle.pop() if idle and idle[-1].runs else await self._start(outgoing)
        try:
            yield program
        except BaseException:
            await self._end(program)  # it may still answer, and the next one must not hear it
            raise
        if program.runs and not program.is_busy:
            idle.append(program)
        else:
            await self._end(program)

    async def _start(self, outgoing: Outgoing) -> Program:
        if outgoing.command[0] not in self._allowed:
            raise UpstreamFailed("program_not_allowed")
        mine = sum(key == outgoing.on_behalf for key in self._running.values())
        if len(self._running) >= _MANY or mine >= _MANY_OF_ONE:
            raise UpstreamFailed("too_many_programs", status=503)
        program = await start(outgoing.command)
        self._running[program] = outgoing.on_behalf
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())
        return program

    def _session(self, key: _Key, session: str) -> Program:
        program = self._sessions.get((key, session))
        if program is None or not program.runs:
            raise UpstreamFailed("session_gone", status=404)
        return program

    async def _end_session(self, key: _Key, session: str | None) -> None:
        program = self._sessions.pop((key, session or ""), None)
        if program is not None:
            await self._end(program)

    async def _end(self, program: Program) -> None:
        self._running.pop(program, None)
        await program.end()

    async def _sweep(self) -> None:
        """End what nobody has used for a while."""
        while self._running:
            await asyncio.sleep(_LOOK_SECONDS)
            now = asyncio.get_running_loop().time()
            for program in list(self._running):
                if not program.runs or (not program.is_busy and now - program.used_at > IDLE_SECONDS):
                    await self._end(program)
            self._sessions = {key: one for key, one in self._sessions.items() if one in self._running}
            idle = {key: [one for one in kept if one in self._running] for key, kept in self._idle.items()}
            self._idle = {key: kept for key, kept in idle.items() if kept}


class AnyUpstreams:
    """By address, or by command."""

    def __init__(self, http: HttpUpstreams, stdio: StdioUpstreams) -> None:
        self._http, self._stdio = http, stdio
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, outgoing: Outgoing) -> AbstractAsyncContextManager[Incoming]:
        """The answer to a request. Raises `UpstreamFailed`."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._stdio.send(outgoing) if outgoing.command else self._http.send(outgoing)

    def close(self) -> None:
        """Hang up everywhere. From another thread than the event loop's, which still runs."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(_LOOK_SECONDS)

    async def _hang_up(self) -> None:
        await self._http.hang_up()
        await self._stdio.hang_up()


def _messages(body: bytes) -> list[Any]:  # Any: JSON
    found = json.loads(body)
    return found if isinstance(found, list) else [found]


def _ids(body: bytes) -> list[str]:
    return [str(one["id"]) for one in _messages(body) if "method" in one and "id" in one]


def _opens(body: bytes) -> bool:
    return bool(body) and any(one.get("method") == "initialize" for one in _messages(body))
