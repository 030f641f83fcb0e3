"""The official SDK's client logs a person in as the client of its own metadata document, unmodified."""

import asyncio
import json

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from tests.fakes.exchange_world import ISSUER
from tests.fakes.gateway_world import GatewayWorld
from tests.fakes.mcp_clients import Remembered
from tests.fakes.people import Browser, query
from tests.fakes.public_clients import METADATA, URL, with_public_clients

from leasehold.model.directory import User
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicySide
from leasehold.web.dispatch import dispatch
from leasehold.web.oauth.app import oauth_app

BACK = "http://localhost:40123/callback"  # the document says no port


@pytest.fixture
def world(tmp_path):
    made = GatewayWorld(tmp_path, public="triage")
    with_public_clients(made.world)
    document = {
        **METADATA,
        "client_id": URL,
        "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
    }
    made.world.documents.bodies[URL] = json.dumps(document).encode()
    made.world.put(Kind.USERS, "alice", User(ids=frozenset({"people/00u1alice"})))
    may = 'permit(principal == user::"alice", action == Action::"code/read_file", resource);'
    made.world.put(Kind.POLICIES, "alice", Policy(document=may, side=PolicySide.USER))
    said = [{"type": "text", "text": "web:a.txt"}]
    shown = {"tools": [], "ttlMs": 0, "cacheScope": "private"}
    made.upstream.answer = lambda message: {
        "resultType": "complete",
        **({"content": said} if message["method"] == "tools/call" else shown),
    }
    made.look()
    yield made
    made.close()


def test_the_sdks_client_finds_its_way_by_its_document(world):
    doors = {"/mcp": world.app, "/.well-known/oauth-protected-resource": world.app}
    app = dispatch(oauth_app(world.world.doors), doors)
    came, pages = [], []

    def walk(url):
        browser = Browser(world.world)
        page = browser.log_in(browser.get(url.removeprefix(ISSUER)))
        pages.append(page.body.decode())
        return browser.answer(page).headers["location"]

    async def go(url):
        came.append(await asyncio.to_thread(walk, url))

    async def came_back():
        said = query(came[-1])
        return AuthorizationCodeResult(code=said["code"], state=said["state"], iss=said["iss"])

    async def session():
        storage, said = Remembered(), OAuthClientMetadata(client_name="Editor", redirect_uris=[BACK])
        address = f"{ISSUER}/mcp/code"
        auth = OAuthClientProvider(
            address, said, storage, redirect_handler=go, callback_handler=came_back, client_metadata_url=URL
        )
        async with (
            httpx2.AsyncClient(auth=auth, transport=httpx2.ASGITransport(app=app)) as transport,
            Client(streamable_http_client(address, http_client=transport), mode="2026-07-28") as client,
        ):
            called = await client.call_tool("read_file", {"repository": "web"})
        return called, storage

    called, storage = asyncio.run(session())
    assert (called.is_error, called.content[0].text) == (False, "web:a.txt")
    assert (storage.client.client_id, came[0].partition("?")[0]) == (URL, BACK)
    assert "editor.example" in pages[0]
    assert "a program on this computer" in pages[0]
