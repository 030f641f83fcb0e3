"""The reference server's questions since 2026-07-28: an answer that is not the last one (SEP-2322)."""

import mcp_types as types
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import InputRequiredResult


def ask(message: str, **properties: str) -> types.ElicitRequest:
    schema = {
        "type": "object",
        "properties": {name: {"type": type_} for name, type_ in properties.items()},
        "required": list(properties),
    }
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, tokens: int) -> types.CreateMessageRequest:
    messages = [types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))]
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=messages, max_tokens=tokens))


NAME = {"user_name": ask("What is your name?", name="string")}
ROOTS = {"client_roots": types.ListRootsRequest()}


def answered(ctx: Context, requests: dict[str, types.InputRequest], state: str | None = None):
    """The answers, if there is one of each; else what asks for them."""
    answers = ctx.input_responses or {}
    if requests.keys() <= answers.keys():
        return answers, None
    return answers, InputRequiredResult(input_requests=requests, request_state=state)


async def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Asks a person."""
    answers, asked = answered(ctx, NAME)
    return asked or f"Hello, {(answers['user_name'].content or {}).get('name')}!"


async def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    """Asks a model."""
    answers, asked = answered(ctx, {"capital_question": sample("What is the capital of France?", 100)})
    return asked or str(answers["capital_question"].content.text)


async def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    """Asks for roots."""
    answers, asked = answered(ctx, ROOTS)
    return asked or ", ".join(str(root.uri) for root in answers["client_roots"].roots)


async def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    """Remembers by what the client hands back."""
    _, asked = answered(ctx, {"confirm": ask("Please confirm", ok="boolean")}, "confirming")
    return asked or ("state-ok" if ctx.request_state == "confirming" else "state-lost")


async def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
    """Takes back only what it gave away: the SDK seals it."""
    _, asked = answered(ctx, {"confirm": ask("Please confirm", ok="boolean")}, "sealed")
    return asked or "state-ok"


async def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Asks for all at once."""
    _, asked = answered(ctx, NAME | {"greeting": sample("Generate a greeting", 50)} | ROOTS, "several")
    return asked or "all there"


async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Asks twice."""
    if ctx.request_state is None:
        return answered(ctx, {"step1": ask("Step 1: What is your name?", name="string")}, "one")[1] or "no state"
    color = {"step2": ask("Step 2: What is your favorite color?", color="string")}
    return answered(ctx, color, "two")[1] or "both steps"


async def test_input_required_result_capabilities(ctx: Context) -> str | InputRequiredResult:
    """Asks only what the client can answer."""
    can = ctx.client_capabilities or types.ClientCapabilities()
    requests = {"greeting": sample("Greet", 50)} if can.sampling else {}
    requests |= NAME if can.elicitation else {}
    return answered(ctx, requests)[1] or "answered"


async def test_missing_capability(ctx: Context) -> str:
    """Needs a model."""
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "this needs sampling", needed)
    return "it could"


async def test_streaming_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Gets on, and asks."""
    await ctx.report_progress(1, 2)
    return answered(ctx, NAME)[1] or "answered"


async def test_input_required_result_prompt(ctx: Context) -> list[Message] | InputRequiredResult:
    """A text about what a person says."""
    context = {"user_context": ask("What context should the prompt use?", context="string")}
    answers, asked = answered(ctx, context)
    return asked or [UserMessage(str(answers["user_context"].content))]


TOOLS = (
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_tampered_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_capabilities,
    test_missing_capability,
    test_streaming_elicitation,
)
