"""Clients that nobody here wrote, as they are: the official SDK's, by its own ways to a token, and the Inspector."""

import asyncio
import json
import subprocess
from contextlib import asynccontextmanager

import httpx2
import pytest
import toolchain
from mcp import Client, MCPError
from mcp.client.auth.extensions.client_credentials import PrivateKeyJWTOAuthProvider
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from tests.fakes.mcp_clients import Remembered
from tests.fakes.simulated_issuer import SimulatedIssuer
from toolchain import interop

ERAS = ("legacy", "auto", "2026-07-28")


@asynccontextmanager
async def connected(gateway, server, mode="auto", **http):
    """The SDK's client at a tool server; `http` is how its requests are authenticated."""
    async with (
        httpx2.AsyncClient(**http) as transport,
        Client(streamable_http_client(gateway.audience(server), http_client=transport), mode=mode) as client,
    ):
        yield client


def bearer(gateway, agent, server):
    return {"headers": {"Authorization": f"Bearer {gateway.token(agent, server)}"}}


@pytest.mark.parametrize("mode", ERAS)
def test_the_sdks_client_lists_calls_and_hears_refusals_in_each_era(sdk, mode):
    async def session():
        async with connected(sdk, "github", mode, **bearer(sdk, "triage", "github")) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            called = await client.call_tool("read_file", {"repository": "web", "path": "a.txt"})
            failed = await client.call_tool("fail", {"repository": "web"})
            with pytest.raises(MCPError) as denied:
                await client.call_tool("read_file", {"repository": "secret", "path": "a.txt"})
            with pytest.raises(MCPError) as hidden:
                await client.call_tool("delete_branch", {"repository": "web", "branch": "main"})
            return tools, called, failed, denied.value, hidden.value

    tools, called, failed, denied, hidden = asyncio.run(session())
    assert tools == ["comment", "fail", "read_file"]
    assert (called.is_error, called.content[0].text) == (False, "web:a.txt")
    assert failed.is_error
    assert (denied.code, denied.message, denied.data["reason"]) == (-31001, "not allowed", "resource_not_granted")
    assert (hidden.code, hidden.message) == (-32602, "Unknown tool: delete_branch")


@pytest.mark.parametrize("mode", ERAS)
def test_the_sdks_client_reads_resources_and_gets_prompts_in_each_era(sdk, mode):
    async def session():
        async with connected(sdk, "github", mode, **bearer(sdk, "triage", "github")) as client:
            listed = await client.list_resources()
            read = await client.read_resource("docs://handbook")
            prompt = await client.get_prompt("review", {"repository": "web"})
            with pytest.raises(MCPError) as hidden:
                await client.read_resource("docs://salaries")
            return listed, read, prompt, hidden.value

    listed, read, prompt, hidden = asyncio.run(session())
    assert [str(one.uri) for one in listed.resources] == ["docs://handbook"]
    assert read.contents[0].text == "be kind"
    assert prompt.messages[0].content.text == "review web"
    assert hidden.code == -32602


def test_the_sdks_client_finds_its_way_from_an_address_and_the_workloads_own_token(sdk):
    """From 401 over both metadata documents to a token: the SDK's own code, and a token that the platform gave."""

    async def workload_token(_audience):
        return sdk.registry.oidc_token("pod-triage")

    async def session():
        address, storage = sdk.audience("github"), Remembered()
        auth = PrivateKeyJWTOAuthProvider(address, storage, "triage", workload_token, issuer=sdk.registry.url)
        async with connected(sdk, "github", auth=auth) as client:
            called = await client.call_tool("read_file", {"repository": "web", "path": "a.txt"})
        return called, storage.tokens

    called, tokens = asyncio.run(session())
    assert called.content[0].text == "web:a.txt"
    assert tokens.expires_in <= 300
    assert tokens.refresh_token is None


@pytest.fixture(scope="module")
def ana(sdk):
    """Lets an agent act for Ana, who may comment on the web repository and do no more: the SDK's way to its tokens."""
    registry, people = sdk.registry, SimulatedIssuer.oidc("https://people.example", audience=sdk.registry.url)
    issuer = {"type": "oidc", "issuer": people.url, "audiences": [registry.url], "id_jag": True}
    registry.create("trust-issuers", "people", {**issuer, "algorithms": ["ES256"], "jwks": people.jwks()})
    registry.create("users", "ana", {"type": "user", "ids": ["people/ana"]})
    sdk.agent("assistant", ("github", ["read_file", "comment"], ["repo:web", "repo:api"]))
    registry.change("agents", "assistant", client_secret_allowed=True)
    secret = registry.call("POST", "/v1/agents/assistant:client-secret", {"days": 1})["client_secret"]
    document = """
        permit(principal == user::"ana", action == Action::"github/comment", resource == repo::"web");
    """
    registry.create("policies", "ana", {"side": "user", "mode": "enforce", "document": document})
    sdk.until(lambda: sdk.ask("github", sdk.token("assistant", "github"), "ping"), lambda reply: reply.status == 200)

    async def assertion(audience, resource):
        said = {"aud": audience, "client_id": "assistant", "resource": resource, "sub": "ana"}
        return people.token(header={"typ": "oauth-id-jag+jwt"}, **said, exp=people.claims()["iat"] + 120)

    address = sdk.audience("github")
    return IdentityAssertionOAuthProvider(address, Remembered(), "assistant", secret, registry.url, assertion)


def test_the_sdks_client_acts_for_a_person_within_what_both_may(sdk, ana):
    async def session():
        async with connected(sdk, "github", auth=ana) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            called = await client.call_tool("comment", {"repository": "web", "text": "hi"})
            with pytest.raises(MCPError) as denied:
                await client.call_tool("comment", {"repository": "api", "text": "hi"})
            return tools, called, denied.value

    tools, called, denied = asyncio.run(session())
    assert tools == ["comment"]
    assert called.content[0].text == "web says hi"
    assert denied.code == -31001
    event = next(one for one in sdk.calls("github") if one["outcome"] == "ok")
    assert (event["principal"], event["detail"]["called"]) == ("agent:assistant", ["comment"])
    assert said_by(event) == [("agent", "granted"), ("user", "permitted")]
    refused = next(one for one in sdk.calls("github") if one["outcome"] == "denied")
    assert said_by(refused) == [("agent", "granted"), ("user", "not_permitted")]


def said_by(event):
    (sides,) = event["detail"]["sides"]
    return [(side["side"], side["reason"]) for side in sides]


@pytest.fixture(scope="module")
def inspector():
    """The Inspector's command for a terminal."""
    places = toolchain.repository()
    with places.locked():
        return [places.bin / "node", interop.INSPECTOR.ensure(places).path / ".bin" / "inspector", "--cli"]


@pytest.fixture
def inspect(sdk, inspector, tool_environment, tmp_path):
    def run(era, *words):
        given = ("--transport", "http", "--header", f"Authorization: Bearer {sdk.token('triage', 'github')}")
        command = [*inspector, sdk.audience("github"), *given, "--protocol-era", era, "--method", *words]
        home = tool_environment | {"HOME": str(tmp_path)}
        return subprocess.run(command, env=home, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_calls_and_hears_refusals_in_each_era(inspect, era):
    listed = inspect(era, "tools/list")
    assert listed.returncode == 0, listed.stderr
    assert [tool["name"] for tool in json.loads(listed.stdout)["tools"]] == ["comment", "fail", "read_file"]
    call = ("tools/call", "--tool-name", "read_file", "--tool-arg", "path=a.txt")
    called = inspect(era, *call, "repository=web")
    assert json.loads(called.stdout)["content"][0]["text"] == "web:a.txt", called.stderr
    denied = inspect(era, *call, "repository=secret")
    assert denied.returncode != 0
    assert "resource_not_granted" in denied.stderr
