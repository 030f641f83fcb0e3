"""What the gateway answers itself, in JSON-RPC's words and HTTP's, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020  # MCP 2026-07-28, "Error Codes"
UNSUPPORTED_VERSION: Final = -32022
URL_ELICITATION: Final = -32042  # MCP 2025-11-25 alone
# Ours lie outside -32768..-32000, as MCP 2026-07-28 asks.
DENIED: Final = -31001
NOT_CONNECTED: Final = -31002
LIMITED: Final = -31003
BLOCKED: Final = -31004
UPSTREAM_FAILED: Final = -31005
NOT_RECORDED: Final = -31006


class Refused(Exception):
    """The gateway does not pass this on. The message is for the caller, and repeats nothing that was sent.

    `reason` is for the audit log: one word. `told`: a call's own record says it already.
    """

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        reason: str = "",
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.reason = status, code, reason
        self.headers, self.more = dict(headers or {}), more
        self.ids: tuple[object, ...] = ()
        self.told = False

    def body(self, *, batched: bool) -> bytes:
        """The answer to the requests that it refuses, or to none that could be told apart."""
        documents = [error_document(id_, self.code, str(self), self.more) for id_ in self.ids or (None,)]
        return orjson.dumps(documents if batched and self.ids else documents[0])


def error_body(request_id: object, code: int, message: str, more: Mapping[str, object] | None = None) -> bytes:
    """A JSON-RPC error (JSON-RPC 2.0 §5.1)."""
    return orjson.dumps(error_document(request_id, code, message, more))


def error_document(
    request_id: object, code: int, message: str, more: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The same before it is written."""
    error: dict[str, object] = {"code": code, "message": message}
    if more is not None:
        error["data"] = more
    return {"jsonrpc": "2.0", "id": request_id, "error": error}
