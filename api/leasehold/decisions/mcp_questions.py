"""MCP's methods as questions, by the default mapping of COAZ-MCP (draft 1), under the names that grants have for them.

A method on one thing is the tool under whose reserved name it is granted, on that thing. A method on the server as a
whole opens or lists: it is allowed to whoever could call anything there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from leasehold.decisions.assembling import State
from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason
from leasehold.model.entities import AGENT, TOOL_SERVER, USER, EntityRef
from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.mcp_methods import GET_PROMPT, READ_RESOURCE, USE_TASK
from leasehold.model.tool_resources import is_plain
from leasehold.model.tools import Tool, ToolServer
from leasehold.policy.possible import could_allow

IDENTITY = "identity"
"""The type of a token's subject in COAZ-MCP: a person, whatever the registry calls people."""
SERVER = "mcp_server"
TOOLS_CALL = "tools/call"
TASKS_LIST = "tasks/list"
_ABOUT = {"resource": (READ_RESOURCE, "uri"), "prompt": (GET_PROMPT, "prompt"), "task": (USE_TASK, "task")}
_ON_THINGS = {
    "resources/read": "resource",
    "resources/subscribe": "resource",
    "resources/unsubscribe": "resource",
    "prompts/get": "prompt",
    "tasks/get": "task",
    "tasks/result": "task",
    "tasks/cancel": "task",
}
_COMPLETION = "completion/complete"  # of whichever its resource is
OPENINGS = frozenset(
    {
        *("initialize", "server/discover", "logging/setLevel"),
        *("tools/list", "resources/list", "resources/templates/list", "prompts/list"),
    }
)


def thing_of(method: str, type_: str, id_: str) -> tuple[str, EntityRef] | None:
    """The reserved name and the thing that a method is about; None for any other. Raises `InvalidValue`."""
    if method == TASKS_LIST and type_ == SERVER:
        return USE_TASK, EntityRef("task", "*")
    wanted = type_ if method == _COMPLETION and type_ in {"resource", "prompt"} else _ON_THINGS.get(method)
    if wanted is None or wanted != type_:
        return None
    if not is_plain(id_):  # no pattern of a grant may be compared with what has two readings
        raise InvalidValue("resource.id can be read in more than one way")
    tool, ours = _ABOUT[wanted]
    return tool, EntityRef(ours, id_)


def registered_tool(action: str, state: State) -> Tool | None:
    """The tool as its server is registered with it."""
    name, _, tool = action.partition("/")
    server = state.seen.objects.get(Kind.TOOL_SERVERS, {}).get(name)
    return server.tools.get(tool) if isinstance(server, ToolServer) else None


def person(type_: str, id_: str, state: State) -> EntityRef:
    """The person that a subject is."""
    ref = state.directory.ref(type_, id_)
    if type_ == IDENTITY and not state.directory.is_person(ref):
        return state.directory.ref(USER, id_.removeprefix(f"{USER}:"))
    return ref


def opened(request: AccessRequest, server: str, state: State) -> Decision:
    """Whether somebody could call anything of a tool server. The request's action and resource are not looked at."""
    could = any(
        could_allow(replace(request, action=action), pattern, state.published)
        for action, pattern in _possible(request.subject.ref, server, state)
    )
    return Decision(Reason.GRANTED if could else Reason.NOTHING_GRANTED, (), state.published.version)


def _possible(agent: EntityRef, server: str, state: State) -> Iterator[tuple[str, str]]:
    """Every action of the server, on every pattern that the agent holds it on, and on the server itself."""
    for action, desk in state.published.desks.items():
        if desk.action.tool is None or desk.action.tool.server != server:
            continue
        standing = desk.agents[agent.id] if agent.type == AGENT else None
        if standing is not None:
            held = {holding.rule.resource for holding in standing.held}
            yield from ((action, pattern) for pattern in sorted({*held, f"{TOOL_SERVER}:{server}"}))
