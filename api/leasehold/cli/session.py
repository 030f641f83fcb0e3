"""One run of the command line: where output goes, and the registry that it talks to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO, cast

import httpx
import typer

from leasehold.cli.connection import Environment, Registry, read_environment
from leasehold.cli.safe_text import visible_lines


@dataclass(frozen=True, slots=True)
class Session:
    """Given to every command. `transport` stands in for the network where there is none; `width` for the terminal's."""

    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    transport: httpx.BaseTransport | None = None
    width: int | None = None
    sleep: Callable[[float], None] = time.sleep

    @property
    def environment(self) -> Environment:
        """What `LEASEHOLD_*` says."""
        return read_environment(self.environ)

    def registry(self) -> Registry:
        """A connection as whoever the environment says we are."""
        return Registry(self.environment, self.transport)

    def emit(self, document: object) -> None:
        """Machine output: JSON in ASCII, so that no live string reaches a terminal as anything but text."""
        self.out.write(json.dumps(document, indent=2, ensure_ascii=True) + "\n")

    def say(self, text: str) -> None:
        """Say something to whoever waits; stdout stays clean."""
        self.err.write(visible_lines(text) + "\n")


def session_of(context: typer.Context) -> Session:
    """The session that `main` gave to the command."""
    return cast("Session", context.find_root().obj)
