"""JSON-RPC as it comes over MCP's HTTP: bytes in, messages out, each of which means one thing to every reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from leasehold.mcp.refusals import INVALID_REQUEST, PARSE_ERROR, Refused
from leasehold.policy.cedar.documents import ArgumentsRefused, parse_strictly

MAX_REQUEST_BYTES = 1 << 20
MAX_BATCH = 32
_MEMBERS = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
_LONGEST_ID, _LONGEST_METHOD = 256, 128
RequestId: TypeAlias = int | str


class MessageKind(Enum):
    """What a message is by its shape (JSON-RPC 2.0 §4, §5)."""

    REQUEST = auto()
    NOTIFICATION = auto()
    RESPONSE = auto()


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `method` is empty for a response, `id` None for a notification."""

    kind: MessageKind
    method: str
    id: RequestId | None
    params: Mapping[str, object] = field(repr=False)

    @property
    def meta(self) -> Mapping[str, object]:
        """`params._meta`, empty where there is none."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Body:
    """Everything in one POST. `batched`: it came as an array."""

    messages: tuple[Message, ...]
    batched: bool

    @property
    def requests(self) -> tuple[Message, ...]:
        """Those that are owed an answer."""
        return tuple(one for one in self.messages if one.kind is MessageKind.REQUEST)


def body_of(raw: bytes) -> Body:
    """The messages of a request body. Raises `Refused` for what two readers could read differently."""
    try:
        found = parse_strictly(raw, MAX_REQUEST_BYTES + 1)
    except ArgumentsRefused as error:
        said = str(error).replace("arguments", "the message", 1).replace("message are", "message is")
        raise Refused(400, PARSE_ERROR, said) from None
    if not isinstance(found, list):
        return Body((_message(found),), batched=False)
    if not 0 < len(found) <= MAX_BATCH:
        raise Refused(400, INVALID_REQUEST, f"a batch holds 1 to {MAX_BATCH} messages")
    messages = tuple(_message(one) for one in found)
    ids = [_distinct(one.id) for one in messages if one.kind is MessageKind.REQUEST]
    if len(set(ids)) != len(ids):
        raise Refused(400, INVALID_REQUEST, "two requests of a batch have one id")
    return Body(messages, batched=True)


def _message(found: object) -> Message:
    if not isinstance(found, dict) or found.get("jsonrpc") != "2.0" or not found.keys() <= _MEMBERS:
        raise Refused(400, INVALID_REQUEST, "the body is no JSON-RPC 2.0 message")
    params = found.get("params", {})
    if not isinstance(params, dict):
        raise Refused(400, INVALID_REQUEST, "params must be an object")
    if "method" not in found:
        return _response(found)
    method = found["method"]
    if not isinstance(method, str) or not 0 < len(method) <= _LONGEST_METHOD or not _is_plain(method):
        raise Refused(400, INVALID_REQUEST, "method is no name of a method")
    if "result" in found or "error" in found:
        raise Refused(400, INVALID_REQUEST, "a message is a request or a response, not both")
    if "id" not in found:
        return Message(MessageKind.NOTIFICATION, method, None, params)
    return Message(MessageKind.REQUEST, method, _id(found["id"]), params)


def _response(found: Mapping[str, object]) -> Message:
    if ("result" in found) is ("error" in found) or "id" not in found or "params" in found:
        raise Refused(400, INVALID_REQUEST, "the body is no JSON-RPC 2.0 message")
    return Message(MessageKind.RESPONSE, "", _id(found["id"]), {})


def _id(value: object) -> RequestId:
    """A request's id: MCP takes texts and integers, and never null."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_ID:
        return value
    raise Refused(400, INVALID_REQUEST, "id must be a text or an integer")


def _distinct(value: RequestId | None) -> str:
    """One and "1" are told apart by nobody who keeps ids in a JavaScript object."""
    return str(value)


def _is_plain(method: str) -> bool:
    return method.isascii() and method.isprintable() and " " not in method
