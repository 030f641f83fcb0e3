"""An authorization server of a tool server, at the other end of HTTP, as strict as a good one is."""

import hashlib
import json
import secrets
from base64 import b64decode, urlsafe_b64encode
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import httpx

from leasehold.keys.network import Network

AS = "https://as.example"
TOOLS = "https://github-mcp.example/mcp"


async def public(_host, _port):
    return ["203.0.114.10"]


class SimulatedUpstream:
    """Its metadata can be changed by a test; `issued` maps access tokens to accounts, `log` is every request."""

    def __init__(self, issuer=AS, resource=TOOLS):
        self.issuer, self.resource = issuer, resource
        self.metadata = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "registration_endpoint": f"{issuer}/register",
            "revocation_endpoint": f"{issuer}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.resource_metadata = {"resource": resource, "authorization_servers": [issuer]}
        self.log: list[httpx.Request] = []
        self.clients: dict[str, str | None] = {}
        self.codes: dict[str, dict] = {}
        self.issued: dict[str, str] = {}
        self.refreshes: dict[str, str] = {}
        self.used: set[str] = set()
        self.revoked: list[str] = []
        self.families_ended: list[str] = []
        self.expires_in = 3600
        self.silent: set[str] = set()
        self.pause = None
        self.tokens_are_jwts = False

    def network(self):
        return Network(transport=httpx.MockTransport(self.answer), resolve=public)

    def approve(self, url, account):
        """The browser of a person with this account there: the answer, as query parameters."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] in self.clients or asked["client_id"].startswith("https://")
        code = secrets.token_urlsafe(8)
        self.codes[code] = {**asked, "account": account}
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    async def answer(self, request):
        url = str(request.url.copy_with(host=request.headers["host"].partition(":")[0], port=None))
        self.log.append(request)
        path = urlsplit(url).path
        if path in self.silent:
            return _json(503, {})
        if self.pause is not None and path == "/token":
            await self.pause()
        if url == self.resource:
            return httpx.Response(401, stream=httpx.ByteStream(b""))
        if path.startswith("/.well-known/oauth-protected-resource"):
            return _json(200, self.resource_metadata)
        if path.startswith("/.well-known/oauth-authorization-server") and url.startswith(self.issuer + "/"):
            return _json(200, self.metadata)
        acts = {"/token": self._token, "/register": self._register, "/revoke": self._revoke}
        act = acts.get(path)
        return act(request) if act is not None and url.startswith(self.issuer + "/") else _json(404, {})

    def _register(self, request):
        asked = json.loads(request.content)
        client = f"client-{len(self.clients) + 1}"
        self.clients[client] = None
        return _json(201, {**asked, "client_id": client})

    def _token(self, request):
        form, client = self._client(request)
        if client is None:
            return _json(401, {"error": "invalid_client"})
        if form.get("resource") != self.resource:
            return _json(400, {"error": "invalid_target"})
        if form["grant_type"] == "refresh_token":
            return self._refresh(form)
        known = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        fits = known is not None and (known["code_challenge"], known["client_id"], known["redirect_uri"]) == (
            challenge,
            client,
            form["redirect_uri"],
        )
        return self._issue(known["account"]) if fits else _json(400, {"error": "invalid_grant"})

    def _refresh(self, form):
        token = form["refresh_token"]
        account = self.refreshes.pop(token, None)
        if account is None:
            if token in self.used:  # RFC 9700 §4.14.2: a second use ends the whole family
                self.families_ended.append(token)
                self.refreshes.clear()
            return _json(400, {"error": "invalid_grant", "error_description": f"never log {token}"})
        self.used.add(token)
        return self._issue(account)

    def _issue(self, account):
        access, refresh = f"at-{account}-{secrets.token_hex(4)}", f"rt-{account}-{secrets.token_hex(4)}"
        self.issued[access], self.refreshes[refresh] = account, account
        lives = {"expires_in": self.expires_in} if self.expires_in is not None else {}
        answer = {"access_token": access, "token_type": "Bearer", "refresh_token": refresh, "scope": "repo"}
        return _json(200, {**answer, **lives})

    def _revoke(self, request):
        form, client = self._client(request)
        if client is None:
            return _json(401, {"error": "invalid_client"})
        if form["token"].startswith("at-") and self.tokens_are_jwts:
            return _json(400, {"error": "unsupported_token_type"})
        self.revoked.append(form["token"])
        self.refreshes.pop(form["token"], None)
        return _json(200, {})

    def _client(self, request):
        form = dict(parse_qsl(request.content.decode()))
        client, secret = form.get("client_id"), None
        if (basic := request.headers.get("authorization")) is not None:
            named, _, given = b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            client, secret = unquote_plus(named), unquote_plus(given)
        document = client is not None and client.startswith("https://")
        return form, client if document or (client in self.clients and self.clients[client] == secret) else None


def _json(status, document):
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(document).encode()))
