"""`leasehold serve`: the registry itself. The only command that does not speak HTTP to one."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import Annotated, NoReturn

import typer
import uvicorn
from rich.console import Console
from rich.markup import escape

from leasehold.cli.heads import BoundedHeads
from leasehold.collecting import settle
from leasehold.settings import InvalidSetting, Settings, read_settings
from leasehold.wiring import BOOTSTRAP_MINUTES, Server, open_server, sealing_process

_stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [default: LEASEHOLD_HOST or 127.0.0.1].")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port [default: LEASEHOLD_PORT or 8420].")] = None,
    ext_authz_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port for Envoy's ext_authz.")] = None,
    *,
    new_bootstrap_token: bool = False,
) -> None:
    """Serve the registry. All other configuration comes from LEASEHOLD_* variables."""
    settings = _settings(host, port, ext_authz_port)
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    server = _open(settings, new_bootstrap_token=new_bootstrap_token)
    _greet(settings, server)
    settle()
    configuration = uvicorn.Config(
        server.app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        http=BoundedHeads,
        ws="none",  # nothing of ours speaks it
        lifespan="on",  # at shutdown what waits is written
        timeout_graceful_shutdown=10,
    )
    running = _Draining(configuration, server.drain, settings.drain_seconds)
    with suppress(KeyboardInterrupt):
        running.run()
    if not running.started:
        raise typer.Exit(3)


class _Draining(uvicorn.Server):
    """A server that, told to stop, says so to whoever asks for a while, and lets what is under way end."""

    def __init__(self, configuration: uvicorn.Config, drain: Callable[[], None], seconds: int) -> None:
        super().__init__(configuration)
        self._drain, self._seconds = drain, seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came: the first one begins the end, the second one is the end."""
        loop, self._loop = self._loop, None
        if loop is None:
            super().handle_exit(sig, frame)
            return
        loop.call_soon_threadsafe(self._drain)
        loop.call_soon_threadsafe(loop.call_later, self._seconds, super().handle_exit, sig, frame)


def _settings(host: str | None, port: int | None, ext_authz_port: int | None) -> Settings:
    environment = dict(os.environ)
    if port is not None:
        environment["LEASEHOLD_PORT"] = str(port)
    if ext_authz_port is not None:
        environment["LEASEHOLD_EXT_AUTHZ_PORT"] = str(ext_authz_port)
    try:
        settings = read_settings(environment)
    except InvalidSetting as error:
        _stop(str(error))
    return replace(settings, host=host) if host is not None else settings


def _open(settings: Settings, *, new_bootstrap_token: bool) -> Server:
    try:
        return open_server(settings, new_bootstrap_token=new_bootstrap_token, sealing=sealing_process(settings))
    except Exception as error:  # whatever keeps the registry from starting is said in one line
        logging.getLogger(__name__).debug("cannot start", exc_info=error)
        _stop(f"cannot start: {error}")


def _greet(settings: Settings, server: Server) -> None:
    _stderr.print(f"Leasehold serves {escape(settings.issuer)} on {escape(settings.host)}:{settings.port}")
    if server.bootstrap_elsewhere is not None:
        _stderr.print(
            "This registry trusts nobody yet, and another replica has told the bootstrap token: it works once, until "
            f"{server.bootstrap_elsewhere:%Y-%m-%dT%H:%M:%SZ}.\n"
            "It stands on the standard output of the replica that started first. Where that is lost, start one with "
            "--new-bootstrap-token, which ends the other one."
        )
    if server.bootstrap_token is None:
        return
    # On standard output and nowhere else: whoever started the server can read it, a log collector on stderr cannot.
    sys.stdout.write(f"{server.bootstrap_token}\n")
    sys.stdout.flush()
    _stderr.print(
        f"This registry trusts nobody yet. The bootstrap token works once, for {BOOTSTRAP_MINUTES} minutes. Next:\n"
        f"  curl -X POST {escape(settings.issuer)}/v1/bootstrap -H 'Authorization: Bearer <token>' "
        "-H 'Content-Type: application/json' \\\n"
        '    -d \'{"trust_issuer": {"name": …}, "workload_bindings": [{"name": …, "role": "security-admin", …}]}\'\n'
        "then exchange an OIDC token of that issuer at /oauth2/token. While nobody is trusted, a start with "
        "--new-bootstrap-token tells another one."
    )


def _stop(message: str) -> NoReturn:
    _stderr.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(1)
