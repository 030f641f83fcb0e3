"""A person's token that reaches too little is widened by the person, not by the client: one more question."""

import base64
import hashlib
import secrets
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken
from tests.e2e.gateway.desk import BACK, Desk
from tests.fakes.oidc_provider import walked

READ = "mcp:tool:read_file:read"


def narrowly_logged_in(gateway, desk):
    """What an earlier version of the client was given: a token for one tool."""
    server, verifier = gateway.registry.url, secrets.token_urlsafe(32)
    said = {"client_name": "Editor", "redirect_uris": [BACK], "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none", "response_types": ["code"]}  # fmt: skip
    client = httpx.post(f"{server}/oauth2/register", json=said).json()
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": client["client_id"], "redirect_uri": BACK, "code_challenge": digest,
             "code_challenge_method": "S256", "scope": READ, "resource": gateway.audience("github")}  # fmt: skip
    back, _ = walked(f"{server}/oauth2/authorize?{urlencode(asked)}", "ana", BACK)
    form = {"grant_type": "authorization_code", "code": parse_qs(urlsplit(back).query)["code"][0],
            "redirect_uri": BACK, "code_verifier": verifier, "client_id": client["client_id"]}  # fmt: skip
    desk.storage.tokens = OAuthToken.model_validate(httpx.post(f"{server}/oauth2/token", data=form).json())
    desk.storage.client = OAuthClientInformationFull.model_validate(client)


def test_the_sdks_client_asks_for_all_that_is_missing_and_goes_on(open_gateway):
    desk = Desk(open_gateway, "ana")
    narrowly_logged_in(open_gateway, desk)
    assert desk.storage.tokens.scope == READ

    async def steps(client):
        before = [tool.name for tool in (await client.list_tools()).tools]
        called = await client.call_tool("comment", {"repository": "web", "text": "hi"})
        return before, called, [tool.name for tool in (await client.list_tools()).tools]

    before, called, after = desk.session(steps)
    assert (before, after) == (["read_file"], ["comment", "read_file"])
    assert called.content[0].text == "web says hi"
    (asked,) = desk.asked
    assert set(asked["scope"].split()) == {READ, "mcp:tool:comment:write"}
