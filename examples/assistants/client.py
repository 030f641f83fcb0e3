"""One of the assistants, as a program: the official MCP SDK, a token of the platform, and a script to follow.

    python client.py [--person FILE] < script        needs LEASEHOLD_ENDPOINT, _AGENT, _RESOURCE and _TOKEN_FILE

Each line of the script is a call, `{"tool": …, "arguments": {…}}`; each line of the answer says what came of it. For
itself, the agent needs nothing but the SDK: it finds its way from the tool server's address. For a person it brings
the assertion that the company's login made for it and that person (ID-JAG), which is good for one token.
"""

import argparse
import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, MCPError
from mcp.client.auth import OAuthFlowError
from mcp.client.auth.extensions.client_credentials import PrivateKeyJWTOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

ENDPOINT, RESOURCE = os.environ["LEASEHOLD_ENDPOINT"], os.environ["LEASEHOLD_RESOURCE"]
AGENT = os.environ["LEASEHOLD_AGENT"]
TOKEN_FILE = Path(os.environ["LEASEHOLD_TOKEN_FILE"])


class Memory:
    """Where the SDK keeps tokens: five minutes of authority belong in no file."""

    tokens: OAuthToken | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Nothing of it changes."""


async def workload_token(_audience: str = "") -> str:
    """What the platform says who we are. It is renewed in its file, hence read anew each time."""
    return (await asyncio.to_thread(TOKEN_FILE.read_text)).strip()


def for_itself() -> httpx2.AsyncClient:
    """The agent acts on its own authority."""
    return httpx2.AsyncClient(
        auth=PrivateKeyJWTOAuthProvider(RESOURCE, Memory(), AGENT, workload_token, issuer=ENDPOINT),
    )


async def for_person(assertion: str) -> httpx2.AsyncClient:
    """The agent acts for a person: one request trades the login's assertion for a token (RFC 7523 §2.1)."""
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion,
        "resource": RESOURCE,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": await workload_token(),
    }
    async with httpx2.AsyncClient() as http:
        answer = (await http.post(f"{ENDPOINT}/oauth2/token", data=form)).raise_for_status()
    return httpx2.AsyncClient(headers={"Authorization": f"Bearer {answer.json()['access_token']}"})


async def follow_script(client: Client) -> None:
    """Say which tools there are, then make each call of the script."""
    say(tools=[tool.name for tool in (await client.list_tools()).tools])
    while line := await asyncio.to_thread(sys.stdin.readline):
        wanted = json.loads(line)
        try:
            result = await client.call_tool(wanted["tool"], wanted["arguments"])
        except MCPError as refused:
            say(refused=refused.message, code=refused.code, **(refused.data or {}))
        else:
            text = "\n".join(block.text for block in result.content if block.type == "text")
            say(**{"failed" if result.is_error else "result": text})


def say(**line: Any) -> None:  # Any: what tools answer
    """One line of JSON, at once."""
    print(json.dumps(line), flush=True)


async def main(person: str | None) -> None:
    """Follow the script as one agent."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(for_itself() if person is None else await for_person(person))
        transport = streamable_http_client(RESOURCE, http_client=http)
        await follow_script(await stack.enter_async_context(Client(transport)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--person", type=Path, help="file with the assertion about the person to act for")
    file = parser.parse_args().person
    try:
        asyncio.run(main(file.read_text().strip() if file else None))
    except* (OAuthFlowError, httpx2.HTTPStatusError) as ended:
        say(ended=str(ended.exceptions[0]))
