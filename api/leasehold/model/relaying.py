"""Where the gateway reaches a tool server, and how far it lets that server go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from leasehold.model.errors import InvalidValue
from leasehold.model.trust import check_url

MAX_STALENESS_LIMIT = 300
CALLS_LIMIT = 1_000_000
_ARGUMENTS_LIMIT, _ARGUMENT_LIMIT = 64, 4096
_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}


class Transport(StrEnum):
    """How the server is spoken to. `legacy_sse` is HTTP+SSE, which MCP has given up since 2025-03-26."""

    STREAMABLE_HTTP = "streamable_http"
    LEGACY_SSE = "legacy_sse"
    STDIO = "stdio"


class ScanResponse(StrEnum):
    """What is done about a kind of finding."""

    ALLOW = "allow"
    LOG = "log"
    REDACT = "redact"
    BLOCK = "block"


SCANNED_KINDS = frozenset(
    {"secret", "tag", "bidi", "zero_width", "variation", "filler", "ansi", "control", "confusable", "instruction"}
)
"""The kinds of finding that a scan has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """The server behind the gateway: at `url`, or started by `command` (the first is an absolute path), never both.

    `max_staleness`: how old the gateway's knowledge of revocations may be, in seconds; if left out, 1 for what changes
    something and 30 for what reads. `calls_per_minute`: of one agent on one tool, a tenth of it at once; tools that
    destroy get a tenth of both. `scan_arguments` and `scan_results` are responses by kind of finding, where they are
    to be others than usual.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    url: str | None = None
    command: tuple[str, ...] = ()
    transport: Transport = Transport.STREAMABLE_HTTP
    max_staleness: int | None = None
    calls_per_minute: int | None = None
    scan_arguments: Mapping[str, ScanResponse] = field(default_factory=dict)
    scan_results: Mapping[str, ScanResponse] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.transport is Transport.STDIO:
            self._check_command()
        elif self.command or self.url is None:
            raise InvalidValue("an upstream has a url, or a command with transport = stdio")
        else:
            check_url(self.url, "url")
        if self.max_staleness is not None and not 1 <= self.max_staleness <= MAX_STALENESS_LIMIT:
            raise InvalidValue(f"max_staleness must be 1 to {MAX_STALENESS_LIMIT} seconds")
        if self.calls_per_minute is not None and not 1 <= self.calls_per_minute <= CALLS_LIMIT:
            raise InvalidValue(f"calls_per_minute must be 1 to {CALLS_LIMIT}")
        _check_scan(self.scan_arguments, "scan_arguments")
        _check_scan(self.scan_results, "scan_results")

    def _check_command(self) -> None:
        if self.url is not None or not self.command:
            raise InvalidValue("transport stdio needs a command, and no url")
        if len(self.command) > _ARGUMENTS_LIMIT or any(len(part) > _ARGUMENT_LIMIT for part in self.command):
            raise InvalidValue(f"a command has at most {_ARGUMENTS_LIMIT} parts of {_ARGUMENT_LIMIT} characters")
        if not all(part.isprintable() for part in self.command):
            raise InvalidValue("a command holds printable characters only")
        if not self.command[0].startswith("/"):
            raise InvalidValue("a command starts with the absolute path of its program")


def _check_scan(responses: Mapping[str, ScanResponse], what: str) -> None:
    if unknown := sorted(responses.keys() - SCANNED_KINDS):
        raise InvalidValue(f"{what} has no kind `{unknown[0][:64]}`")
    if responses.get("instruction", ScanResponse.LOG) not in {ScanResponse.ALLOW, ScanResponse.LOG}:
        raise InvalidValue(f"{what}: instruction is advice, it can be allow or log")
    if responses.get("confusable", ScanResponse.BLOCK) is ScanResponse.REDACT:
        raise InvalidValue(f"{what}: confusable is about a whole name, it cannot be redacted")
