"""A served registry with its gateway, tool servers behind it, and agents with tokens of their own."""

import http.client
import json
import os
import sys
import time
from urllib.parse import quote

import httpx
import pytest
from tests.fakes.mcp_upstream import sdk_server, served_sdk, told_upstream
from tests.fakes.oidc_provider import CLIENT, running_provider, workshop
from tests.fakes.registry_http import LiveRegistry
from tests.fakes.serving import PATIENCE

# `make test-claude-code`: 370 MB of somebody else's program.
collect_ignore = [] if os.environ.get("LEASEHOLD_TEST_CLAUDE_CODE") else ["test_claude_code.py"]
MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
}
TOOLS = {
    "read_file": {"action": "read", "resource": "repo:{repository}"},
    "comment": {"action": "write", "resource": "repo:{repository}"},
    "delete_branch": {"action": "delete", "resource": "repo:{repository}"},
    "fail": {"action": "read", "resource": "repo:{repository}"},
    "mcp.resources.read": {"action": "read"},
    "mcp.prompts.get": {"action": "read"},
}


class Reply:
    """Status, headers and bytes of an answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def events(self):
        """The messages of a stream."""
        lines = self.body.decode().split("\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    @property
    def message(self):
        """The one message, however it came."""
        return self.events[-1] if self.headers.get("content-type", "").startswith("text/event-stream") else self.json


class Gateway:
    """Speaks to the gateway, message by message."""

    def __init__(self, registry):
        self.registry = registry
        self.port = registry.door.upstream
        self.tokens = {}

    def audience(self, server):
        return f"{self.registry.url}/mcp/{server}"

    def declare(self, server, url, tools=None, **more):
        upstream = more.pop("upstream", {"url": url})
        spec = {"url": self.audience(server), "tools": tools or TOOLS, "upstream": upstream, **more}
        spec.setdefault("pinning", "observe")  # what is pinned says so: test_rug_pull.py
        self.registry.create("tool-servers", server, spec)

    def agent(self, name, *grants):
        """An agent that holds `(server, tools, resources)`, and a workload that may become it."""
        registry = self.registry
        if "owner" not in self.tokens:
            registry.create("owners", "alice", {"display_name": "Alice", "email": "a@example.com", "team": "web"})
            self.tokens["owner"] = ""
        registry.create("agents", name, {"owner": "alice", "review_by": "2027-06-01"})
        registry.create("deployments", name, {"agent": name})
        binding = {"trust_issuer": "idp", "agent": name, "oidc": {"subject": f"pod-{name}"}}
        registry.create("workload-bindings", f"wl-{name}", binding)
        for server, tools, resources in grants:
            self.grant(name, server, tools, resources)

    def grant(self, agent, server, tools, resources):
        for tool in tools:
            for resource in resources:
                name = f"{agent}/{server}.{tool}@{resource}"
                spec = {"agent": agent, "tool_server": server, "tools": [tool], "resources": [resource]}
                if "*" in resource + tool:
                    spec |= {"allow_wildcard": True, "justification": "a test"}
                self.registry.create("grants", name, spec)

    def token(self, agent, server, **more):
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": self.registry.oidc_token(f"pod-{agent}"),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "resource": self.audience(server),
            **more,
        }
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items()).encode()
        status, content = self.registry._raw(
            "POST", "/oauth2/token", {"Content-Type": "application/x-www-form-urlencoded"}, body
        )
        assert status == 200, content
        return json.loads(content)["access_token"]

    def send(self, server, body, token=None, *, method="POST", path=None, seconds=15, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        given = {"Accept": "application/json, text/event-stream"}
        given |= {"Content-Type": "application/json"} if method == "POST" else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        if token:
            given["Authorization"] = f"Bearer {token}"
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path or f"/mcp/{server}", raw, given)
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def ask(self, server, token, method, params=None, id_=1, **headers):
        """A request of the handshake era."""
        body = {"jsonrpc": "2.0", "id": id_, "method": method, "params": params or {}}
        return self.send(server, body, token, **{"mcp_protocol_version": "2025-06-18", **headers})

    def call(self, server, token, tool, arguments, **headers):
        return self.ask(server, token, "tools/call", {"name": tool, "arguments": arguments}, **headers)

    def modern(self, server, token, method, params=None, **headers):
        """A request of the era without a handshake."""
        params = {**(params or {}), "_meta": {**META, **headers.pop("meta", {})}}
        named = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}.get(method)
        given = {"mcp_protocol_version": MODERN, "mcp_method": method}
        given |= {"mcp_name": params[named]} if named and named in params else {}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return self.send(server, body, token, **{**given, **headers})

    def until(self, ask, accept, seconds=PATIENCE):
        """Ask until the answer is accepted: what was written is enforced a moment later."""
        deadline = time.monotonic() + seconds
        while not accept(reply := ask()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert accept(reply), (reply.status, reply.body)
        return reply

    def calls(self, server):
        """Audit events of calls, newest first, once all are written."""
        deadline = time.monotonic() + 5
        while True:
            time.sleep(0.2)
            found = [one for one in self.registry.events() if one["kind"] == "calls" and one["name"] == server]
            if found or time.monotonic() > deadline:
                return found


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    """The registry process of this run."""
    folder = tmp_path_factory.mktemp("gateway")
    registry = LiveRegistry(folder)
    registry.environment["LEASEHOLD_PRIVATE_UPSTREAMS"] = "127.0.0.1"
    registry.environment["LEASEHOLD_STDIO_PROGRAMS"] = sys.executable
    try:
        registry.furnish()
        yield Gateway(registry)
    finally:
        registry.close()


@pytest.fixture(scope="session")
def sdk(running):
    """A server of the official SDK behind the gateway, and an agent that may do a part of what it can."""
    with served_sdk(sdk_server(), stateless_http=True) as url:
        running.declare("github", url)
        running.agent(
            "triage",
            ("github", ["read_file", "comment", "fail"], ["repo:web"]),
            ("github", ["mcp.resources.read"], ["uri:docs://handbook", "uri:repo://*"]),
            ("github", ["mcp.prompts.get"], ["prompt:review"]),
        )
        running.until(
            lambda: running.ask("github", running.token("triage", "github"), "ping"), lambda r: r.status == 200
        )
        yield running


@pytest.fixture(scope="session")
def told(running):
    """A server that does what a test tells it, and an agent for it."""
    with told_upstream() as upstream:
        running.declare("told", upstream.url)
        running.agent("worker", ("told", ["read_file", "comment", "delete_branch"], ["repo:web"]))
        running.until(lambda: running.ask("told", running.token("worker", "told"), "ping"), lambda r: r.status == 200)
        upstream.requests.clear()
        yield upstream


@pytest.fixture(scope="module")
def open_gateway(tmp_path_factory):
    """An operator who serves public clients, npm's oidc-provider to log in at, and a server of the SDK behind."""
    folder = tmp_path_factory.mktemp("open")
    packages = workshop(tmp_path_factory.mktemp("provider"))
    registry = LiveRegistry(folder)
    registry.environment |= {
        "LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1",
        "LEASEHOLD_PUBLIC_CLIENTS": "on",
        "LEASEHOLD_OPEN_REGISTRATION": "assistant",
    }
    with running_provider(packages, f"{registry.url}/oauth2/login/callback") as provider:
        try:
            registry.furnish()
            gateway = Gateway(registry)
            gateway.packages, gateway.provider = packages, provider
            with served_sdk(sdk_server(), stateless_http=True) as url:
                gateway.declare("github", url)
                furnish(gateway, provider)
                yield gateway
        finally:
            registry.close()


def furnish(gateway, provider):
    """An agent that takes public clients, and two people of whom one may only read."""
    registry, metadata = gateway.registry, httpx.get(f"{provider}/.well-known/openid-configuration").json()
    ends = {name: metadata[name] for name in ("authorization_endpoint", "token_endpoint")}
    issuer = {"type": "oidc", "issuer": provider, "audiences": [CLIENT], "algorithms": ["ES256"]}
    registry.create(
        "trust-issuers", "people", {**issuer, "login": {"client_id": CLIENT, **ends}, "allow_private": True}
    )
    gateway.agent("assistant", ("github", ["read_file", "comment"], ["repo:web"]))
    registry.change("agents", "assistant", public_clients=True)
    for person in ("ana", "bob"):
        registry.create("users", person, {"type": "user", "ids": [f"people/{person}"]})
    document = """
        permit(principal, action == Action::"github/read_file", resource);
        permit(principal == user::"ana", action == Action::"github/comment", resource);
    """
    registry.create("policies", "people", {"side": "user", "mode": "enforce", "document": document})
    gateway.until(
        lambda: gateway.ask("github", gateway.token("assistant", "github"), "ping"), lambda reply: reply.status == 200
    )
