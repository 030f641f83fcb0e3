"""Pages of other origins: nothing of the server is theirs to read, unless the operator named their origin."""

import http.client
import json

import pytest
from tests.e2e.gateway.conftest import META, MODERN, Gateway, Reply
from tests.fakes.mcp_upstream import sdk_server, served_sdk
from tests.fakes.registry_http import LiveRegistry

PAGE, OTHER = "https://app.example", "https://evil.example"
ASKED = "authorization, content-type, mcp-protocol-version, mcp-method, mcp-name, mcp-param-region, x-secret"
SHARED = ("/mcp/github", "/.well-known/oauth-protected-resource/mcp/github", "/.well-known/oauth-authorization-server",
          "/.well-known/openid-configuration", "/oauth2/token", "/oauth2/register", "/oauth2/revoke")  # fmt: skip
NOT_SHARED = ("/v1/agents", "/v1/connections", "/oauth2/authorize", "/oauth2/consent", "/oauth2/introspect",
              "/connect/x", "/access/v1/evaluation", "/revocations", "/healthz")  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A server whose operator named one page's origin."""
    registry = LiveRegistry(tmp_path_factory.mktemp("opened"))
    registry.environment |= {"LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1", "LEASEHOLD_BROWSER_ORIGINS": PAGE}
    try:
        registry.furnish()
        gateway = Gateway(registry)
        with served_sdk(sdk_server()) as url:
            gateway.declare("github", url)
            gateway.agent("triage", ("github", ["read_file"], ["repo:web"]))
            token = gateway.token("triage", "github")
            gateway.until(lambda: gateway.ask("github", token, "ping"), lambda reply: reply.status in {200, 400})
            yield gateway
    finally:
        registry.close()


def sent(gateway, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def preflight(gateway, path, origin, headers=ASKED):
    asked = {"access_control_request_method": "POST", "access_control_request_headers": headers}
    return sent(gateway, "OPTIONS", path, origin=origin, **asked)


def shared(reply):
    return {name for name in reply.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("path", SHARED)
def test_a_page_that_was_named_may_ask_and_read_and_never_with_cookies(opened, path):
    reply = preflight(opened, path, PAGE)
    assert reply.status == 204
    assert reply.headers["access-control-allow-origin"] == PAGE
    allowed = set(reply.headers["access-control-allow-headers"].split(", "))
    assert allowed == set(ASKED.split(", ")) - {"x-secret"}
    assert "origin" in reply.headers["vary"]
    answer = sent(opened, "GET", path, origin=PAGE)
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert {"mcp-session-id", "www-authenticate"} <= set(answer.headers["access-control-expose-headers"].split(", "))
    for one in (reply, answer):
        assert "access-control-allow-credentials" not in one.headers


@pytest.mark.parametrize("path", NOT_SHARED)
def test_nothing_but_what_mcp_needs_is_for_pages(opened, path):
    assert shared(preflight(opened, path, PAGE)) == set()
    assert shared(sent(opened, "GET", path, origin=PAGE)) == set()


@pytest.mark.parametrize(
    "origin",
    [OTHER, "null", "https://app.example:8443", "http://app.example", "https://app.example.evil.example", f"{PAGE}/",
     f"{PAGE}, {OTHER}", "https://APP.example"],
)  # fmt: skip
def test_a_page_of_any_other_origin_is_let_in_nowhere(opened, origin):
    assert shared(preflight(opened, "/mcp/github", origin)) == set()
    token = opened.token("triage", "github")
    reply = opened.ask("github", token, "ping", origin=origin)
    assert (reply.status, shared(reply)) == (403, set())
    assert shared(sent(opened, "POST", "/oauth2/token", b"", origin=origin)) == set()


def test_a_page_talks_with_a_tool_server_session_and_challenge_included(opened):
    token = opened.token("triage", "github")
    anonymous = opened.ask("github", None, "ping", origin=PAGE)
    assert (anonymous.status, anonymous.headers["access-control-allow-origin"]) == (401, PAGE)
    assert "resource_metadata" in anonymous.headers["www-authenticate"]
    said = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "page", "version": "1"}}
    begun = opened.ask("github", token, "initialize", said, origin=PAGE, mcp_protocol_version=None)
    assert begun.status == 200, begun.body
    assert begun.headers["mcp-session-id"]
    body = {"name": "read_file", "arguments": {"repository": "web", "path": "a"}}
    called = opened.modern("github", token, "tools/call", body, origin=PAGE)
    assert called.message["result"]["content"][0]["text"] == "web:a"
    assert called.headers["access-control-allow-origin"] == PAGE


def test_a_header_that_stands_there_twice_is_no_origin(opened):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": META}})
    connection = http.client.HTTPConnection("127.0.0.1", opened.port, timeout=10)
    connection.putrequest("POST", "/mcp/github")
    for name, value in (("origin", PAGE), ("origin", OTHER), ("mcp-protocol-version", MODERN),
                        ("content-length", str(len(body))), ("authorization", "Bearer x")):  # fmt: skip
        connection.putheader(name, value)
    connection.endheaders(body.encode())
    answer = connection.getresponse()
    assert answer.status == 400
    assert answer.getheader("access-control-allow-origin") is None
    connection.close()


def test_by_default_no_page_is_let_in(running, sdk):
    token = sdk.token("triage", "github")
    assert shared(preflight(running, "/mcp/github", PAGE)) == set()
    assert running.ask("github", token, "ping", origin=PAGE).status == 403
