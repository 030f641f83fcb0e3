"""A server that has all that the conformance suite asks of a server, made with the official SDK.

What each tool, resource and prompt must be is written in the suite's scenarios; nothing here does more. Tasks, an
extension that no revision requires, are left out but for their tools.
"""

import asyncio
import base64
import json
from typing import Any

import mcp_types as types
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from tests.fakes import reference_rounds
from tests.fakes.reference_samples import DEFAULTS, ENUMS, PNG, SCHEMA, WAV

PAUSE = 0.05  # seconds; the suite wants to see that messages come one by one

server = MCPServer("reference", version="1")
for _round in reference_rounds.TOOLS:
    server.tool()(_round)
server.prompt()(reference_rounds.test_input_required_result_prompt)


def text(said: str) -> types.TextContent:
    return types.TextContent(type="text", text=said)


def embedded(uri: str, mime_type: str, said: str) -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=mime_type, text=said)
    return types.EmbeddedResource(type="resource", resource=contents)


# Content


@server.tool()
def test_simple_text() -> list[types.ContentBlock]:
    """Text."""
    return [text("This is a simple text response for testing.")]


@server.tool()
def test_image_content() -> list[types.ContentBlock]:
    """An image."""
    return [types.ImageContent(type="image", data=PNG, mime_type="image/png")]


@server.tool()
def test_audio_content() -> list[types.ContentBlock]:
    """A sound."""
    return [types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")]


@server.tool()
def test_embedded_resource() -> list[types.ContentBlock]:
    """A resource."""
    return [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]


@server.tool()
def test_multiple_content_types() -> list[types.ContentBlock]:
    """All of them."""
    return [
        text("Multiple content types test:"),
        types.ImageContent(type="image", data=PNG, mime_type="image/png"),
        embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ]


@server.tool()
def test_error_handling() -> str:
    """An error."""
    raise RuntimeError("This tool intentionally returns an error for testing")


@server.tool()
def greet(name: str = "you") -> str:
    """A greeting, never as a task."""
    return f"Hello, {name}!"


@server.tool()
def slow_compute(seconds: float = 0) -> str:
    """An answer, at once."""
    return f"after {seconds} s"


@server.tool()
def confirm_delete(filename: str = "") -> str:
    """An answer, without asking."""
    return f"{filename} stays"


@server.tool()
def json_schema_2020_12_tool() -> str:
    """Tool with JSON Schema 2020-12 features."""
    return "valid"


server._tool_manager.get_tool("json_schema_2020_12_tool").parameters = SCHEMA


# What a server says meanwhile


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    """Logs."""
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(said)
        await asyncio.sleep(PAUSE)
    return "logged"


@server.tool()
async def test_logging_tool(ctx: Context) -> str:
    """Logs, where that was asked for."""
    await ctx.info("logged")
    return "logged"


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    """Gets on."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await asyncio.sleep(PAUSE)
    return "done"


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    """Tells that tools changed."""
    await ctx.notify_tools_changed()
    return "told"


@server.tool()
async def test_trigger_prompt_change(ctx: Context) -> str:
    """Tells that prompts changed."""
    await ctx.notify_prompts_changed()
    return "told"


@server.tool()
async def test_reconnection(ctx: Context) -> str:
    """Hangs up, and has more to say to who comes back."""
    await ctx.close_sse_stream()
    await asyncio.sleep(PAUSE)
    return "reconnected"


# What a server asks its client: in the handshake era by a request of its own


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Asks a model."""
    said = await ctx.session.create_message(
        messages=[types.SamplingMessage(role="user", content=text(prompt))], max_tokens=100
    )
    return f"LLM response: {said.content.text}"


async def elicited(ctx: Context, message: str, properties: dict[str, object], required: tuple[str, ...] = ()) -> str:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    answer = await ctx.session.elicit_form(message, schema)
    return f"action={answer.action}, content={json.dumps(answer.content)}"


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    """Asks a person."""
    properties = {"username": {"type": "string"}, "email": {"type": "string"}}
    return f"User response: {await elicited(ctx, message, properties, ('username', 'email'))}"


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Asks a person, and proposes answers."""
    return f"Elicitation completed: {await elicited(ctx, 'Please look over', DEFAULTS)}"


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Asks a person to choose."""
    return f"Elicitation completed: {await elicited(ctx, 'Please choose', ENUMS)}"


# Resources


@server.resource("test://static-text", mime_type="text/plain")
def static_text() -> str:
    """A text."""
    return "This is the content of the static text resource."


@server.resource("test://static-binary", mime_type="image/png")
def static_binary() -> bytes:
    """An image."""
    return base64.b64decode(PNG)


@server.resource("test://watched-resource", mime_type="text/plain")
def watched() -> str:
    """A text to watch."""
    return "Watched resource content"


@server.resource("test://template/{id}/data", mime_type="application/json")
def templated(id: str) -> str:  # noqa: A002  the template's
    """One of many."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


# Prompts


def said_by_user(*content: types.ContentBlock) -> list[Message]:
    return [UserMessage(one) for one in content]


@server.prompt()
def test_simple_prompt() -> list[Message]:
    """A text."""
    return said_by_user(text("This is a simple prompt for testing."))


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> list[Message]:
    """A text about something."""
    return said_by_user(text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:  # noqa: N803  the suite's
    """A resource."""
    return said_by_user(
        embedded(resourceUri, "text/plain", "Embedded resource content for testing."),
        text("Please process the embedded resource above."),
    )


@server.prompt()
def test_prompt_with_image() -> list[Message]:
    """An image."""
    image = types.ImageContent(type="image", data=PNG, mime_type="image/png")
    return said_by_user(image, text("Please analyze the image above."))


@server.completion()
async def complete(ref, argument, context):
    """Proposals."""
    return types.Completion(values=[one for one in ("paris", "park", "party") if one.startswith(argument.value)])


# What the handshake era had besides


async def _nothing(_context: object, _params: object) -> types.EmptyResult:
    return types.EmptyResult()


server._lowlevel_server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, _nothing)
server._lowlevel_server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, _nothing)
server._lowlevel_server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, _nothing)


class Events(EventStore):
    """What was said on each stream, for who comes back to it."""

    def __init__(self) -> None:
        self._said: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self._said.append((stream_id, message))
        return str(len(self._said))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        heard = int(last_event_id)
        stream = self._said[heard - 1][0]
        for number, (of, message) in enumerate(self._said, 1):
            if number > heard and of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream
