"""Programs on people's desks that nobody here wrote, as they are."""

import asyncio
import socket
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import toolchain
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from tests.fakes.oidc_provider import walked
from tests.fakes.opened_urls import said_url
from toolchain import interop

COMMENT = ("comment", {"repository": "web", "text": "hi"})


@pytest.fixture(scope="module")
def mcp_remote():
    """npm's mcp-remote, by which programs that speak stdio alone reach servers on the web."""
    places = toolchain.repository()
    with places.locked():
        return [str(places.bin / "node"), str(interop.MCP_REMOTE.ensure(places).path / "mcp-remote" / "dist/proxy.js")]


@pytest.fixture
def desk(mcp_remote, open_gateway, tool_environment, tmp_path):
    """The command that a program on the desk is given, and where that command's messages go."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = {"HOME": str(tmp_path), "BROWSER": "true", "MCP_REMOTE_CONFIG_DIR": str(tmp_path)}
    node, *proxy = mcp_remote
    words = [*proxy, open_gateway.audience("github"), str(port)]
    return StdioServerParameters(command=node, args=words, env=tool_environment | home), tmp_path / "stderr"


def agreed(url, person):
    """Walk where the browser is sent, there and back."""
    asked = parse_qs(urlsplit(url).query)
    callback, _ = walked(url, person, asked["redirect_uri"][0])
    assert httpx.get(callback).status_code == 200
    return asked


async def talked(desk, person, steps):
    """What comes of `steps` once the person has logged in."""
    command, errors = desk
    with errors.open("w+") as log:
        walking = asyncio.create_task(asyncio.to_thread(lambda: agreed(said_url(errors, lambda: True), person)))
        async with Client(stdio_client(command, errlog=log), mode="legacy") as client:
            return await walking, await steps(client)


def test_a_program_that_speaks_stdio_alone_logs_a_person_in_through_mcp_remote(open_gateway, desk):
    async def steps(client):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        called = await client.call_tool(*COMMENT)
        with pytest.raises(MCPError) as denied:
            await client.call_tool("read_file", {"repository": "secret", "path": "a"})
        return tools, called, denied.value

    asked, (tools, called, denied) = asyncio.run(talked(desk, "ana", steps))
    assert asked["scope"] == ["openid email profile"], "it asks for what no tool is called"
    assert asked["resource"] == [open_gateway.audience("github")]
    assert (tools, called.content[0].text) == (["comment", "read_file"], "web says hi")
    assert "resource_not_granted" in denied.message, "it tells of refusals in words of its own"
    event = next(one for one in open_gateway.calls("github") if one["outcome"] == "ok")
    assert event["principal"] == "agent:assistant"
