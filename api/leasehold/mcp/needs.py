"""What a message needs to pass: the table of all methods that MCP has. A method that is not in it passes for nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NoReturn, cast

from leasehold.mcp.headers import Era
from leasehold.mcp.messages import Message, MessageKind
from leasehold.mcp.refusals import INVALID_PARAMS, METHOD_NOT_FOUND, Refused
from leasehold.model.entities import TOOL_SERVER
from leasehold.model.mcp_methods import ELICIT, GET_PROMPT, LIST_ROOTS, READ_RESOURCE, SAMPLE, USE_TASK, is_reserved
from leasehold.model.tool_resources import NoResource, filled, is_plain
from leasehold.model.tools import ToolServer

_NOTHING: Mapping[str, object] = {}


class Listing(Enum):
    """What a list is of, and thus how its answer is cut down. The value is its member of the result."""

    TOOLS = "tools"
    RESOURCES = "resources"
    TEMPLATES = "resourceTemplates"
    PROMPTS = "prompts"


class Pass(Enum):
    """How a message that needs no decision of its own passes: with a live token that holds anything there."""

    SESSION = auto()
    NOTICE = auto()
    ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Want:
    """One decision: this tool, or method under its name, on this resource (`type:id`), with these arguments.

    `called` is what the caller called it by. `hidden` says what a caller hears to whom it does not exist.
    """

    tool: str
    resource: str
    called: str
    hidden: str
    arguments: Mapping[str, object] = field(default_factory=lambda: _NOTHING, repr=False)


@dataclass(frozen=True, slots=True)
class Needs:
    """All that a message needs: each of `wants` allowed. `listing` cuts its answer down."""

    wants: tuple[Want, ...] = ()
    listing: Listing | None = None
    passing: Pass | None = None


def needs_of(message: Message, server: str, spec: ToolServer, era: Era) -> Needs:
    """What a client's message needs. Raises `Refused` for a method that nobody has, or that says too little."""
    if message.kind is MessageKind.RESPONSE:
        return Needs(passing=Pass.ANSWER)
    if message.kind is MessageKind.NOTIFICATION:
        return Needs(passing=Pass.NOTICE) if message.method in _NOTICES else _unknown(era)
    if message.method == "tools/call":
        return Needs((_call(message, server, spec, era),))
    if (listing := _LISTINGS.get(message.method)) is not None:
        return Needs(listing=listing)
    if message.method in (_MODERN_SESSION if era is Era.MODERN else _HANDSHAKE_SESSION):
        return Needs(passing=Pass.SESSION)
    need = (_MODERN if era is Era.MODERN else _HANDSHAKE).get(message.method)
    return need(message) if need is not None else _unknown(era)


def asked_of_client(method: str, server: str) -> Want | None:
    """What a server needs to ask something of the client; None for what it may never ask."""
    tool = _ASKED.get(method)
    return Want(tool, f"{TOOL_SERVER}:{server}", method, "Method not found") if tool is not None else None


def wanted_resource(uri: str) -> Want:
    """To read this resource."""
    return Want(READ_RESOURCE, f"uri:{uri}", uri, "Resource not found")


def wanted_prompt(name: str) -> Want:
    """To get this prompt."""
    return Want(GET_PROMPT, f"prompt:{name}", name, "Unknown prompt")


def _call(message: Message, server: str, spec: ToolServer, era: Era) -> Want:
    name, arguments = message.params.get("name"), message.params.get("arguments", {})
    if not isinstance(name, str) or not name:
        raise Refused(400, INVALID_PARAMS, "params.name must name a tool")
    if not isinstance(arguments, Mapping):
        raise Refused(400, INVALID_PARAMS, "params.arguments must be an object")
    if is_reserved(name):  # whoever may sample, say, may call no real tool that bears the name of that
        raise Refused(400 if era is Era.MODERN else 200, INVALID_PARAMS, "Unknown tool", reason="reserved_name")
    tool = spec.tools.get(name)
    if tool is None or tool.resource is None:
        return Want(name, f"{TOOL_SERVER}:{server}", name, "Unknown tool", cast("Mapping[str, object]", arguments))
    try:
        resource = filled(tool.resource, arguments)
    except NoResource:
        resource = ""  # of which no grant speaks: whether the tool is there at all, its own decision tells
    return Want(name, resource, name, "Unknown tool", cast("Mapping[str, object]", arguments))


def _unknown(era: Era) -> NoReturn:
    status = 404 if era is Era.MODERN else 200
    raise Refused(status, METHOD_NOT_FOUND, "Method not found", reason="unknown_method")


def _text(message: Message, name: str) -> str:
    value = message.params.get(name)
    if not isinstance(value, str) or not value:
        raise Refused(400, INVALID_PARAMS, f"params.{name} must be a text")
    return value


def _resource(message: Message) -> Needs:
    return Needs((_readable(_text(message, "uri")),))


def _readable(uri: str) -> Want:
    """A URI with two readings is nobody's: no pattern of a grant may be compared with it."""
    return wanted_resource(uri) if is_plain(uri) else Want(READ_RESOURCE, "", uri, "Resource not found")


def _prompt(message: Message) -> Needs:
    return Needs((wanted_prompt(_text(message, "name")),))


def _completion(message: Message) -> Needs:
    of = message.params.get("ref")
    match of:
        case {"type": "ref/prompt", "name": str(name)}:
            return Needs((wanted_prompt(name),))
        case {"type": "ref/resource", "uri": str(uri)}:
            return Needs((_readable(uri),))
        case _:
            raise Refused(400, INVALID_PARAMS, "params.ref must name a prompt or a resource")


def _listen(message: Message) -> Needs:
    """Changes of lists are told to everybody; those of resources to those who may read them."""
    wanted = message.params.get("notifications", {})
    uris = wanted.get("resourceSubscriptions", []) if isinstance(wanted, Mapping) else None
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise Refused(400, INVALID_PARAMS, "params.notifications must say which")
    wants = tuple(_readable(uri) for uri in uris)
    return Needs(wants) if wants else Needs(passing=Pass.SESSION)


def _task(message: Message) -> Needs:
    return Needs((_task_want(_text(message, "taskId")),))


def _tasks(_message: Message) -> Needs:
    return Needs((_task_want("*"),))


def _task_want(task: str) -> Want:
    return Want(USE_TASK, f"task:{task}", task, "Unknown task")


_LISTINGS = {
    "tools/list": Listing.TOOLS,
    "resources/list": Listing.RESOURCES,
    "resources/templates/list": Listing.TEMPLATES,
    "prompts/list": Listing.PROMPTS,
}
_HANDSHAKE_SESSION = frozenset({"initialize", "ping", "logging/setLevel"})
_MODERN_SESSION = frozenset({"server/discover"})
_NOTICES = frozenset(
    {
        *("notifications/initialized", "notifications/cancelled", "notifications/progress"),
        *("notifications/roots/list_changed", "notifications/tasks/status"),
    }
)
_BOTH: dict[str, Callable[[Message], Needs]] = {
    "resources/read": _resource,
    "prompts/get": _prompt,
    "completion/complete": _completion,
    "tasks/get": _task,
    "tasks/cancel": _task,
}
_HANDSHAKE: dict[str, Callable[[Message], Needs]] = _BOTH | {
    "resources/subscribe": _resource,
    "resources/unsubscribe": _resource,
    "tasks/result": _task,
    "tasks/list": _tasks,
}
_MODERN: dict[str, Callable[[Message], Needs]] = _BOTH | {
    "subscriptions/listen": _listen,
    "tasks/update": _task,
}
_ASKED = {"sampling/createMessage": SAMPLE, "elicitation/create": ELICIT, "roots/list": LIST_ROOTS}
METHODS = (
    frozenset({"tools/call", *_LISTINGS})
    | _HANDSHAKE_SESSION
    | _MODERN_SESSION
    | frozenset(_HANDSHAKE)
    | frozenset(_MODERN)
)
"""Every request that a client may send, of either era."""
