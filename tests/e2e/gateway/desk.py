"""A person at a computer, with the official SDK's client and a browser."""

import asyncio
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from tests.fakes.mcp_clients import Remembered
from tests.fakes.oidc_provider import walked

BACK = "http://localhost:33418/callback"


class Desk:
    """A person at their computer: the SDK's client, and a browser that follows where it is sent."""

    def __init__(self, gateway, person, server="github", **metadata):
        self.gateway, self.person, self.pages, self.asked = gateway, person, [], []
        self.storage = Remembered()
        said = OAuthClientMetadata(client_name="Editor", redirect_uris=[BACK], **metadata)
        self.auth = OAuthClientProvider(
            gateway.audience(server), said, self.storage, redirect_handler=self.go, callback_handler=self.came_back
        )
        self.back = ""

    async def go(self, url):
        self.asked.append(dict(parse_qsl(urlsplit(url).query)))
        self.back, page = await asyncio.to_thread(walked, url, self.person, BACK)
        self.pages.append(page)

    async def came_back(self):
        said = {name: values[0] for name, values in parse_qs(urlsplit(self.back).query).items()}
        return AuthorizationCodeResult(code=said["code"], state=said["state"], iss=said["iss"])

    def session(self, steps):
        async def run():
            async with (
                httpx2.AsyncClient(auth=self.auth) as transport,
                Client(streamable_http_client(self.gateway.audience("github"), http_client=transport)) as client,
            ):
                return await steps(client)

        return asyncio.run(run())
