"""People who are not connected yet come to where they connect, from clients that nobody here wrote."""

import asyncio
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import httpx
import httpx2
import pytest
from aiohttp import web
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult
from tests.e2e.gateway.desk import Desk
from tests.fakes.mcp_upstream import echoing, result_of, sdk_server, served_sdk, told_upstream
from tests.fakes.oidc_provider import id_token

READ = ("read_file", {"repository": "web", "path": "a.txt"})


class Notes:
    """A tool server that wants a key of each person."""

    def __init__(self, gateway, name):
        self.gateway, self.name, self.asked = gateway, name, []

    def declare(self, url):
        gateway, name = self.gateway, self.name
        gateway.declare(name, url, upstream_auth={"api_key": {}, "shared": False})
        gateway.grant("assistant", name, ["read_file"], ["repo:web"])
        document = f'permit(principal, action == Action::"{name}/read_file", resource);'
        gateway.registry.create("policies", name, {"side": "user", "mode": "enforce", "document": document})
        token = gateway.token("assistant", name)
        gateway.until(lambda: gateway.send(name, b"{", token), lambda reply: reply.status == 400)

    def connect(self, person):
        """As a person does by program."""
        token = id_token(self.gateway.provider, person)
        url = f"{self.gateway.registry.url}/v1/connections/{self.name}"
        made = httpx.post(
            url, json={"api_key": {"key": f"key-of-{person}"}}, headers={"authorization": f"Bearer {token}"}
        )
        assert made.status_code in {200, 201}, made.text

    def session(self, person, steps, mode="auto", answer=None):
        desk, address = Desk(self.gateway, person, server=self.name), self.gateway.audience(self.name)

        async def elicited(_context, params):
            self.asked.append(params)
            return ElicitResult(action=await asyncio.to_thread(answer))

        async def run():
            more = {"elicitation_callback": elicited} if answer is not None else {}
            async with (
                httpx2.AsyncClient(auth=desk.auth, timeout=60) as transport,
                Client(streamable_http_client(address, http_client=transport), mode=mode, **more) as client,
            ):
                return await steps(client)

        return asyncio.run(run())


@pytest.fixture
def notes(open_gateway, request):
    made = Notes(open_gateway, request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:40].strip("-"))
    with served_sdk(sdk_server("notes"), stateless_http=True) as url:
        made.declare(url)
        yield made


async def names(client):
    return [tool.name for tool in (await client.list_tools()).tools]


def test_a_client_of_the_handshake_era_hears_where_and_goes_on_once_the_person_is_connected(notes):
    async def steps(client):
        before = await names(client)
        with pytest.raises(MCPError) as missing:
            await client.call_tool(*READ)
        await asyncio.to_thread(notes.connect, "ana")
        return before, missing.value, await client.call_tool(*READ), await names(client)

    before, missing, called, after = notes.session("ana", steps)
    assert before == after == ["read_file"]
    (asked,) = missing.data["elicitations"]
    assert (missing.code, asked["url"]) == (-32042, f"{notes.gateway.registry.url}/connect/{notes.name}")
    assert called.content[0].text == "web:a.txt"


def test_a_call_is_taken_up_again_when_the_person_has_connected_and_the_client_knows_nothing_of_it(notes):
    notes.connect("ana")
    assert notes.session("ana", names) == ["read_file"]

    def connects():
        notes.connect("bob")
        return "accept"

    async def steps(client):
        return await names(client), await client.call_tool(*READ)

    tools, called = notes.session("bob", steps, answer=connects)
    assert (tools, called.content[0].text) == (["read_file"], "web:a.txt")
    (asked,) = notes.asked
    assert (asked.mode, asked.url) == ("url", f"{notes.gateway.registry.url}/connect/{notes.name}")


def test_a_call_that_waits_for_a_person_is_one(notes):
    """However many calls say that somebody connects, the others are answered at once."""
    notes.connect("ana")
    notes.session("ana", names)
    accepted = {"inputResponses": {"leasehold-connect": {"action": "accept"}}}
    params = {"name": READ[0], "arguments": READ[1], **accepted}
    meta = {"io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}
    desk = Desk(notes.gateway, "bob", server=notes.name)

    async def token():
        async with (
            httpx2.AsyncClient(auth=desk.auth) as transport,
            Client(streamable_http_client(notes.gateway.audience(notes.name), http_client=transport)) as client,
        ):
            await client.list_tools()
            return desk.storage.tokens.access_token

    bob = asyncio.run(token())

    def call():
        return notes.gateway.modern(notes.name, bob, "tools/call", params, meta=meta)

    with ThreadPoolExecutor(2) as beside:
        done, waiting = wait([beside.submit(call) for _ in range(2)], return_when=FIRST_COMPLETED)
        notes.connect("bob")
        (asked,), (called,) = ([one.result().message["result"] for one in some] for some in (done, waiting))
    assert asked["resultType"] == "input_required"
    assert called["content"][0]["text"] == "web:a.txt"


def test_a_key_that_the_tool_server_takes_no_more_leads_the_person_to_connect_anew(open_gateway):
    keyed = Notes(open_gateway, "keyed")

    async def answer(request, body):
        if body is not None and body.get("method") == "initialize":
            said = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
            return web.json_response(result_of(body, {**said, "serverInfo": {"name": "keyed", "version": "1"}}))
        if body is not None and body.get("method") == "tools/call":
            return web.Response(status=401, headers={"www-authenticate": 'Bearer realm="theirs"'})
        return await echoing(request, body)

    async def steps(client):
        with pytest.raises(MCPError) as refused:
            await client.call_tool(*READ)
        return refused.value

    with told_upstream() as upstream:
        keyed.declare(upstream.url)
        keyed.connect("ana")
        upstream.answer = answer
        refused = keyed.session("ana", steps, mode="legacy")
    assert refused.code == -32042
    assert refused.data["elicitations"][0]["url"] == f"{open_gateway.registry.url}/connect/keyed"
    (event, *_) = [one for one in open_gateway.calls("keyed") if one["detail"].get("method") == "tools/call"]
    assert (event["outcome"], event["reason"]) == ("error", "not_connected_reconnect")


def test_a_person_who_declines_is_not_asked_again(notes):
    notes.connect("ana")
    notes.session("ana", names)

    async def steps(client):
        with pytest.raises(MCPError) as refused:
            await client.call_tool(*READ)
        return refused.value

    refused = notes.session("bob", steps, answer=lambda: "decline")
    assert (refused.code, refused.data["reason"], len(notes.asked)) == (-31002, "not_connected", 1)


def test_nothing_of_what_is_not_granted_is_listed_before_there_is_a_connection(notes):
    """Nor does anybody who brings no token, or whom no connection would help, hear anything."""
    gateway, name = notes.gateway, notes.name
    assert gateway.ask(name, None, "initialize").status == 401
    alone = gateway.token("assistant", name)
    for method in ("initialize", "tools/list", "ping"):
        reply = gateway.ask(name, alone, method, {"protocolVersion": "2025-11-25"})
        assert (reply.status, reply.json["error"]["code"]) == (403, -31002)


def test_a_session_from_before_is_over_where_the_tool_server_keeps_sessions(open_gateway):
    kept = Notes(open_gateway, "kept")
    with served_sdk(sdk_server("kept")) as url:
        kept.declare(url)

        async def steps(client):
            await asyncio.to_thread(kept.connect, "ana")
            with pytest.raises(MCPError) as over:
                await client.call_tool(*READ)
            return over.value

        assert "Session" in kept.session("ana", steps, mode="legacy").message
        assert kept.session("ana", names, mode="legacy") == ["read_file"]
