"""A real Envoy on the published configuration, before a real MCP server, with a real Leasehold to ask."""

import http.client
import json
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from tests.fakes.client_keys import ClientKey
from tests.fakes.envoy import CONFIGURATION, executable, running_envoy
from tests.fakes.mcp_server import running_mcp_server
from tests.fakes.registry_http import LiveRegistry

ROOT = Path(__file__).parents[3]
TOOLS = {"read_file": {"action": "read"}, "comment": {"action": "write"}, "merge": {"action": "write"}}
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
INSIDE = 'forbid(principal, action == Action::"github/comment", resource) unless '


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Line:
    """An agent, the Envoy that it speaks to, and what stands behind."""

    def __init__(self, registry, tools, port):
        self.registry, self.tools, self.port = registry, tools, port

    def send(self, body, token=None, *, scheme="Bearer", method="POST", path="/mcp/github", **headers):
        """Status, headers and JSON of the answer."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"authorization": f"{scheme} {token}"} if token else {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, raw, sent)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, parsed(content)
        finally:
            connection.close()

    def until(self, status, body, token, seconds=5):
        """Send until it is answered so: what was written is enforced a moment later."""
        deadline = time.monotonic() + seconds
        while (answer := self.send(body, token))[0] != status and time.monotonic() < deadline:
            time.sleep(0.02)
        assert answer[0] == status, answer
        return answer

    def token(self, key=None):
        """An agent's token; one that is bound to `key`, if there is one."""
        form = {
            "grant_type": EXCHANGE,
            "subject_token": self.registry.oidc_token("pod"),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "resource": "https://github-mcp.example/mcp",
        }
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items()).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["DPoP"] = key.proof(datetime.now(UTC), url=f"{self.registry.url}/oauth2/token")
        status, content = self.registry._raw("POST", "/oauth2/token", headers, body)
        assert status == 200, content
        return json.loads(content)["access_token"]

    def revoke(self, token):
        status, content = self.registry._raw(
            "POST", "/oauth2/revoke", {"Content-Type": "application/x-www-form-urlencoded"}, f"token={token}".encode()
        )
        assert status == 200, content


def parsed(content):
    """JSON, by itself or as the one event of a stream."""
    text = content.decode()
    if text.startswith("event: message\ndata: "):
        text = text.removeprefix("event: message\ndata: ")
    return json.loads(text) if text.strip().startswith("{") else text


def furnish(registry):
    registry.furnish()
    grant = {"agent": "triage", "tool_server": "github", "tools": ["comment", "read_file"], "resources": ["repo:web"]}
    for kind, name, spec in (
        ("owners", "alice", {"display_name": "Alice", "email": "alice@example.com", "team": "shop"}),
        ("agents", "triage", {"owner": "alice", "review_by": "2027-06-01"}),
        ("tool-servers", "github", {"url": "https://github-mcp.example/mcp", "tools": TOOLS}),
        ("grants", "triage/github.comment+read_file@repo:web", grant),
        ("deployments", "triage-prod", {"agent": "triage"}),
        ("workload-bindings", "triage-pod", {"agent": "triage", "trust_issuer": "idp", "oidc": {"subject": "pod"}}),
    ):
        registry.create(kind, name, spec)


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    folder, port, door = tmp_path_factory.mktemp("envoy"), free_port(), free_port()
    registry = LiveRegistry(folder)
    registry.environment = {"LEASEHOLD_EXT_AUTHZ_PORT": str(door)}
    try:
        furnish(registry)
        with running_mcp_server() as tools, running_envoy(folder, {10000: port, 8000: tools.port, 9191: door}, port):
            line = Line(registry, tools, port)
            line.until(200, call(), line.token())
            yield line
    finally:
        registry.close()


@pytest.fixture
def token(line):
    line.tools.reached.clear()
    return line.token()


def call(tool="read_file", repository="web", **arguments):
    params = {"name": tool, "arguments": {"repository": repository, **arguments}}
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}


def message(method, **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def test_the_envoy_of_these_tests_is_the_pinned_one():
    pinned = (ROOT / "constraints.txt").read_text()
    assert "\nenvoy-server==1.40.0\n" in pinned
    assert executable().stat().st_size > 50_000_000


def test_the_documentation_shows_what_is_run():
    page = (ROOT / "docs" / "decision-point.md").read_text()
    assert "deploy/envoy/envoy.yaml" in page
    shown = yaml.safe_load(page.split("## Envoy")[1].split("```yaml\n")[1].split("```")[0])
    assert shown.keys() == {"typed_config", "check_settings"}
    run = yaml.safe_load(CONFIGURATION.read_text())
    assert all(contained({name: part}, run) for name, part in shown.items())


def contained(part, whole):
    """True if `part` stands somewhere in `whole`, word for word."""
    if isinstance(whole, dict):
        if isinstance(part, dict) and part.items() <= whole.items():
            return True
        return any(contained(part, one) for one in whole.values())
    return isinstance(whole, list) and any(contained(part, one) for one in whole)


def test_nobody_without_a_token_gets_through(line, token):
    for wrong in (None, "nonsense", token[:-4] + "AAAA", line.registry.token()):
        status, headers, answer = line.send(call(), wrong)
        assert (status, answer["error"]["code"]) == (401, -32001)
        assert headers["www-authenticate"].startswith("Bearer")
    assert line.tools.reached == []


def test_a_session_opens_lists_and_calls_within_the_grant(line, token):
    status, headers, answer = line.send(message("initialize"), token)
    assert (status, answer["result"]["serverInfo"]["name"]) == (200, "github")
    assert headers["mcp-session-id"]
    assert line.send({"jsonrpc": "2.0", "method": "notifications/initialized"}, token)[0] == 202
    status, _, answer = line.send(message("tools/list"), token)
    assert (status, len(answer["result"]["tools"])) == (200, 3)
    status, _, answer = line.send(call(), token)
    assert (status, answer["result"]["content"][0]["text"]) == (200, "did read_file")
    assert (line.tools.reached[-1].message, line.tools.reached[-1].path) == (call(), "/mcp/github")


@pytest.mark.parametrize(
    "body", [call("merge"), call("delete_everything"), call(repository="secret"), message("resources/read", uri="x")]
)
def test_what_is_not_granted_is_a_json_rpc_denial_and_reaches_nobody(line, token, body):
    status, headers, answer = line.send(body, token)
    assert (status, answer["error"]["code"], answer["id"]) == (403, -32001, body["id"])
    assert headers["content-type"] == "application/json"
    assert line.tools.reached == []


def test_a_token_that_was_revoked_is_refused_at_once(line, token):
    assert line.send(call(), token)[0] == 200
    line.revoke(token)
    assert line.send(call(), token)[0] == 401
    assert line.tools.calls() == ["read_file"]
    assert line.send(call(), line.token())[0] == 200


def test_a_token_that_is_bound_to_a_key_passes_with_its_proof_for_this_very_request(line, token):
    key = ClientKey()
    bound = line.token(key)

    def proof(url="https://github-mcp.example/mcp/github", method="POST"):
        return key.proof(datetime.now(UTC), url=url, method=method, token=bound)

    once = proof()
    sent = [line.send(call(), bound, scheme="DPoP", dpop=one)[0] for one in (once, once, proof())]
    assert sent == [200, 401, 200]
    for wrong in (
        proof("https://github-mcp.example/mcp/jira"),
        proof(method="GET"),
        proof("https://127.0.0.1/mcp/github"),
    ):
        assert line.send(call(), bound, scheme="DPoP", dpop=wrong)[0] == 401
    assert line.send(call(), bound)[0] == line.send(call(), bound, dpop=proof())[0] == 401
    assert line.send(call(), token, scheme="DPoP", dpop=proof())[0] == 401
    # Envoy takes what leads out of a path away before it routes: the proof is for where the request went.
    assert line.send(call(), bound, scheme="DPoP", dpop=proof(), path="/mcp/x/../github")[0] == 200
    assert line.tools.calls() == ["read_file"] * 3


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", json.dumps([call()]).encode(), b'{"jsonrpc": "1.0"}', b"[" * 5000, b"\xff\xfe{}"),
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "method": "tools/call", "params": {"name": "merge"}}',
        json.dumps(call(repository="")).encode(),
        json.dumps(call(repository=[5])).encode(),
        json.dumps(call(repository="web/../secret")).encode(),
    ],
)
def test_a_body_that_readers_could_read_differently_reaches_nobody(line, token, body):
    status, _, answer = line.send(body, token)
    assert (status, answer["error"]["code"]) in {(400, -32600), (400, -32700)}  # JSON-RPC 2.0 §5.1: no JSON, no message
    assert line.tools.reached == []


def test_a_body_that_is_too_long_to_be_looked_at_reaches_nobody(line, token):
    assert line.send(call(padding="x" * (1 << 20)), token)[0] == 413
    assert line.send(call(padding="x" * (900 << 10)), token)[0] == 200  # just below, it is looked at whole
    assert len(line.tools.reached) == 1


def test_nothing_reaches_the_server_around_the_route(line, token):
    for path in ("/mcp", "/mcp/githubby", "/mcp/jira", "/", "/mcp/github/../jira"):
        assert line.send(call(), token, path=path)[0] == 404
    assert line.send(call(), token, path="/mcp%2fgithub")[0] == 400
    assert line.send(call("merge"), token, path="/mcp//github")[0] == 403
    assert line.send(call("merge"), token, path="/x/../mcp/./github")[0] == 403
    assert line.tools.reached == []


def test_what_is_behind_learns_who_calls_from_leasehold_alone(line, token):
    forged = {"x_leasehold_agent": "admin", "x_leasehold_decision": "f" * 32}
    for body in (call(), message("tools/list")):
        assert line.send(body, token, **forged)[0] == 200
    called, listed = (one.headers for one in line.tools.reached)
    assert (called["x-leasehold-agent"], listed["x-leasehold-agent"]) == ("triage", "triage")
    assert called["x-leasehold-decision"] != "f" * 32
    assert len(called["x-leasehold-decision"]) == 32
    assert not listed.get("x-leasehold-decision")  # a listing is no decision, and has no id to forge


def test_policies_see_the_connection_and_not_what_a_header_says_of_it(line, token):
    assert line.send(call("comment"), token)[0] == 200
    for network, header, status in (("10.0.0.0/8", "10.1.1.1", 403), ("127.0.0.0/8", "8.8.8.8", 200)):
        condition = f'{{ context has source_ip && context.source_ip.isInRange(ip("{network}")) }};'
        body = {"document": INSIDE + condition, "side": "agent"}
        line.registry.create("policies", "inside", body)
        try:
            fresh = line.token()  # a policy that is new ends the tokens that were made without it
            line.until(status, call("comment"), fresh)
            assert line.send(call("comment"), fresh, x_forwarded_for=header)[0] == status
        finally:
            revision = line.registry.get("policies", "inside")["revision"]
            line.registry.call("DELETE", "/v1/policies/inside", If_Match=f'"{revision}"')
        line.until(401, call("comment"), fresh)  # and one that is gone, those that rested on it
        line.until(200, call("comment"), line.token())


def test_a_decision_behind_envoy_can_be_explained(line, token):
    assert line.send(call(), token)[0] == 200
    decision = line.tools.reached[-1].headers["x-leasehold-decision"]
    deadline = time.monotonic() + 5
    while not (found := [one for one in line.registry.events() if one.get("name") == decision]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert found[0]["detail"]["subject"] == "agent:triage"


def test_while_leasehold_is_down_nothing_passes_and_it_does_again_afterwards(line, token):
    assert line.send(call(), token)[0] == 200
    line.registry.kill()
    try:
        for body in (call(), message("tools/list"), message("ping")):
            assert line.send(body, token)[0] == 503
        assert len(line.tools.reached) == 1
    finally:
        line.registry.start()
    line.until(200, call(), token, seconds=20)
