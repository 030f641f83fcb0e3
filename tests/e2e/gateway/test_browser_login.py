"""People log in by browser from clients that nobody here wrote, as they are, by the public door."""

import json
import socket
import subprocess

import httpx
import pytest
import toolchain
from mcp import MCPError
from tests.e2e.gateway.desk import Desk
from tests.fakes.oidc_provider import node_answer, walked
from tests.fakes.opened_urls import said_url
from toolchain import interop

READ = ("read_file", {"repository": "web", "path": "a.txt"})
COMMENT = ("comment", {"repository": "web", "text": "hi"})


def test_the_sdks_client_registers_itself_and_acts_for_who_logs_in(open_gateway):
    """From an address to a tool's answer: 401, both metadata documents, registration, login, consent, code, token."""
    desk = Desk(open_gateway, "ana")

    async def steps(client):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        return tools, await client.call_tool(*COMMENT)

    tools, called = desk.session(steps)
    assert (tools, called.content[0].text) == (["comment", "read_file"], "web says hi")
    assert desk.storage.client.client_id.startswith("pub.")
    assert (desk.storage.client.token_endpoint_auth_method, desk.storage.client.client_secret) == ("none", None)
    assert desk.asked[0]["resource"] == open_gateway.audience("github")
    (page,) = desk.pages
    assert "a program on this computer" in page
    assert "Editor" in page
    event = next(one for one in open_gateway.calls("github") if one["outcome"] == "ok")
    assert event["principal"] == "agent:assistant"
    (sides,) = event["detail"]["sides"]
    assert [(side["side"], side["reason"]) for side in sides] == [("agent", "granted"), ("user", "permitted")]


def test_what_the_client_may_is_what_person_and_agent_both_may(open_gateway):
    desk = Desk(open_gateway, "bob")

    async def steps(client):
        read = await client.call_tool(*READ)
        with pytest.raises(MCPError) as hidden:
            await client.call_tool(*COMMENT)
        return read, hidden.value

    read, denied = desk.session(steps)
    assert read.content[0].text == "web:a.txt"
    assert denied.code in {-31001, -32602}


def test_the_sdks_client_goes_on_without_a_browser_once_its_token_is_over(open_gateway):
    desk = Desk(open_gateway, "ana")

    async def steps(client):
        await client.call_tool(*READ)
        first = desk.storage.tokens
        desk.auth.context.token_expiry_time = 1.0  # as if five minutes had passed
        again = await client.call_tool(*READ)
        return first, again, desk.storage.tokens

    first, again, second = desk.session(steps)
    assert again.content[0].text == "web:a.txt"
    assert first.refresh_token != second.refresh_token
    assert first.access_token != second.access_token
    assert len(desk.pages) == 1
    # Somebody else has the first one, too: what both hold is over, at the gateway as well.
    assert asked_again(open_gateway, desk, first).json()["error"] == "invalid_grant"
    for held in (first, second):
        gone = open_gateway.until(
            lambda held=held: open_gateway.ask("github", held.access_token, "ping"), lambda reply: reply.status == 401
        )
        assert gone.status == 401
    assert asked_again(open_gateway, desk, second).json()["error"] == "invalid_grant"


def asked_again(gateway, desk, tokens):
    form = {
        "grant_type": "refresh_token",
        "refresh_token": tokens.refresh_token,
        "client_id": desk.storage.client.client_id,
    }
    return httpx.post(f"{gateway.registry.url}/oauth2/token", data=form)


def test_a_person_who_is_off_boarded_is_out_within_a_moment_and_has_nothing_to_refresh_with(open_gateway):
    desk = Desk(open_gateway, "bob")

    async def steps(client):
        await client.call_tool(*READ)
        return desk.storage.tokens

    tokens = desk.session(steps)
    body = {"name": READ[0], "arguments": READ[1]}
    assert open_gateway.ask("github", tokens.access_token, "tools/call", body).status == 200
    open_gateway.registry.call("POST", "/v1/revocations", {"node": "user:people/bob", "reason": "left"})
    gone = open_gateway.until(
        lambda: open_gateway.ask("github", tokens.access_token, "tools/call", body), lambda reply: reply.status == 401
    )
    assert gone.status == 401
    refused = asked_again(open_gateway, desk, tokens)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_openid_client_registers_logs_in_and_refreshes_with_a_key_of_its_own(open_gateway):
    """npm's openid-client as a public client with DPoP."""
    asking = {
        "issuer": open_gateway.registry.url,
        "resource": open_gateway.audience("github"),
        "redirect_uri": "http://127.0.0.1:9/callback",
    }
    begun = node_answer(open_gateway.packages, "public.mjs", **asking)
    callback, question = walked(begun["url"], "ana", asking["redirect_uri"])
    assert "read with <b>read_file</b>" in question

    held = node_answer(open_gateway.packages, "public.mjs", **asking, **begun, callback=callback)
    assert held["token_type"] == "dpop"
    stolen = httpx.post(
        f"{open_gateway.registry.url}/oauth2/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": held["refresh_token"],
            "client_id": begun["client_id"],
        },
    )
    assert stolen.json()["error"] == "invalid_grant"
    again = node_answer(open_gateway.packages, "public.mjs", **asking, **begun, refresh_token=held["refresh_token"])
    assert again["token_type"] == "dpop"
    assert again["refresh_token"] != held["refresh_token"]
    assert json.dumps(again)


def test_the_inspector_logs_a_person_in(open_gateway, tool_environment, tmp_path):
    """Its command for a terminal, as it is: it says where the browser goes, and listens for who comes back."""
    places = toolchain.repository()
    with places.locked():
        inspector = interop.INSPECTOR.ensure(places).path / ".bin" / "inspector"
    with socket.create_server(("127.0.0.1", 0)) as free:
        back = f"http://127.0.0.1:{free.getsockname()[1]}/oauth/callback"
    address = ("--cli", open_gateway.audience("github"), "--transport", "http", "--callback-url", back)
    command = [places.bin / "node", inspector, *address, "--method", "tools/list"]
    home = tool_environment | {"HOME": str(tmp_path), "MCP_AUTO_OPEN_ENABLED": "true", "BROWSER": "true"}
    errors = tmp_path / "stderr"
    with (
        errors.open("wb") as stderr,
        subprocess.Popen(command, env=home, stdout=subprocess.PIPE, stderr=stderr, text=True) as running,
    ):
        url = said_url(errors, lambda: running.poll() is None)
        callback, _ = walked(url, "ana", back)
        assert httpx.get(callback).status_code == 200
        output, _ = running.communicate(timeout=60)
    assert running.returncode == 0, errors.read_text()
    assert [tool["name"] for tool in json.loads(output)["tools"]] == ["comment", "read_file"]
