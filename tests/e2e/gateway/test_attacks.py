"""Attacks on the gateway over real sockets, each named after what is tried. Whatever is refused never goes upstream."""

import base64
import json
import socket

import pytest
from aiohttp import web
from tests.e2e.gateway.conftest import META, MODERN
from tests.fakes.mcp_upstream import echoing, events, result_of, text_result

CALL = {"name": "read_file", "arguments": {"repository": "web", "path": "a"}}
HIDDEN = {"name": "delete_branch", "arguments": {"repository": "secret"}}


@pytest.fixture
def token(running, told):
    told.requests.clear()
    told.answer = echoing
    return running.token("worker", "told")


def message(method="tools/call", params=None, id_=1):
    return {"jsonrpc": "2.0", "id": id_, "method": method, "params": CALL if params is None else params}


def modern_body(method="tools/call", **params):
    return message(method, {**(params or CALL), "_meta": META})


def test_token_passthrough_no_secret_of_the_caller_goes_upstream(running, told, token):
    canary = "canary-7f3a"
    reply = running.call(
        "told", token, tool="read_file", arguments={"repository": "web"},
        cookie=canary, x_api_key=canary, proxy_authorization=canary, forwarded=canary, x_forwarded_for="203.0.113.77",
        dpop=canary, x_leasehold_agent=canary, x_mcp_secret=canary,
    )  # fmt: skip
    assert reply.status == 200, reply.body
    assert token not in told.everything
    assert canary not in told.everything
    assert "203.0.113.77" not in told.everything
    assert "authorization" not in {name.lower() for name in told.requests[-1][1]}


def test_nothing_of_the_upstreams_own_state_reaches_the_caller(running, told, token):
    async def answer(_request, body):
        headers = {"set-cookie": "upstream=1", "www-authenticate": "Bearer", "server": "secret", "x-internal": "1"}
        return web.json_response(result_of(body, text_result("x")), headers=headers)

    told.answer = answer
    reply = running.call("told", token, "read_file", {"repository": "web"})
    assert reply.status == 200
    assert not {"set-cookie", "www-authenticate", "x-internal"} & reply.headers.keys()


@pytest.mark.parametrize("status", [401, 403])
def test_an_upstream_that_refuses_our_credential_does_not_ask_the_caller_for_one(running, told, token, status):
    async def answer(_request, _body):
        return web.Response(status=status, headers={"www-authenticate": 'Bearer realm="upstream"'})

    told.answer = answer
    reply = running.call("told", token, "read_file", {"repository": "web"})
    assert (reply.status, reply.json["error"]["code"]) == (502, -31005)
    assert "www-authenticate" not in reply.headers


def test_wrong_audience_a_token_for_another_tool_server_is_refused(running, told, sdk, token):
    known = sdk.token("triage", "github")
    assert sdk.ask("github", known, "ping").status == 200, "where it was let in it is remembered"
    for wrong in (known, sdk.token("triage", "github"), running.registry.token(), token[:-4] + "AAAA", "x" * 20_000):
        assert running.call("told", wrong, "read_file", {"repository": "web"}).status == 401
    for sent in (f"Basic {token}", f"Bearer  {token} x", f"DPoP {token}", token):
        reply = running.ask("told", None, "tools/list", authorization=sent)
        assert reply.status == 401, sent
    assert running.ask("told", None, "tools/list", x_authorization=f"Bearer {token}").status == 401
    assert told.requests == []


@pytest.mark.parametrize(
    "path",
    [
        *("/mcp/told/", "/mcp//told", "/mcp/./told", "/mcp/x/../told", "/mcp/%74old", "/mcp/told%2f", "/mcp/TOLD"),
        *("/mcp/told%00", "/mcp/told;x", "/mcp/told?x=1", "/mcp/told%20", "/mcp/", "/mcp/told/mcp", "/mcp/tol%64?"),
    ],
)
def test_path_tricks_in_server_names_reach_nothing(running, told, token, path):
    assert running.send("told", message(), token, path=path).status == 401
    assert told.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"mcp_method": "tools/list"},
        {"mcp_method": "Tools/Call"},
        {"mcp_name": "comment"},
        {"mcp_name": "read_file "},
        {"mcp_name": "=?base64?Y29tbWVudA==?="},
        {"mcp_name": "=?base64?cmVhZF9maWxl=?="},
        {"mcp_name": "=?base64?!!?="},
        {"mcp_protocol_version": "2025-06-18"},
        {"mcp_protocol_version": None},
        {"mcp_method": None},
        {"mcp_name": None},
    ],
)
def test_header_spoofing_a_header_that_differs_from_the_body_is_refused(running, told, token, headers):
    said = headers.get("mcp_name")
    right = said is not None and said.strip() == "read_file"  # RFC 9110 §5.5: white space around it is none of it
    reply = running.modern("told", token, "tools/call", CALL, **headers)
    if right:
        assert reply.status == 200
        return
    assert (reply.status, reply.json["error"]["code"]) == (400, -32020), reply.body
    assert told.requests == []


def test_a_name_in_base64_is_the_name(running, token):
    sentinel = f"=?base64?{base64.b64encode(b'read_file').decode()}?="
    assert running.modern("told", token, "tools/call", CALL, mcp_name=sentinel).status == 200


def test_header_spoofing_counts_in_the_handshake_era_too(running, told, token):
    for headers in ({"mcp_method": "tools/list"}, {"mcp_name": "comment"}):
        reply = running.call("told", token, "read_file", {"repository": "web"}, **headers)
        assert (reply.status, reply.json["error"]["code"]) == (400, -32020)
    assert told.requests == []


@pytest.mark.parametrize("name", ["Mcp-Method", "Mcp-Name", "MCP-Protocol-Version", "Authorization", "Mcp-Session-Id"])
def test_header_spoofing_a_header_that_decides_is_there_once(running, told, token, name):
    body = json.dumps(modern_body()).encode()
    given = {"Host": f"127.0.0.1:{running.port}", "Authorization": f"Bearer {token}",
             "Content-Type": "application/json", "Mcp-Method": "tools/call", "Mcp-Name": "read_file",
             "MCP-Protocol-Version": MODERN, "Content-Length": str(len(body)), "Connection": "close"}  # fmt: skip
    lines = [f"{key}: {value}" for key, value in given.items()] + [f"{name}: {given.get(name, 'x')}"] * 2
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as raw:
        raw.sendall(("POST /mcp/told HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode() + body)
        assert raw.recv(64).startswith(b"HTTP/1.1 400")
    assert told.requests == []


def test_batch_smuggling_nothing_goes_out_if_one_message_may_not(running, told, token):
    batch = [message(), message(params=HIDDEN, id_=2), message("tools/list", {}, id_=3)]
    reply = running.send("told", batch, token, mcp_protocol_version="2025-03-26")
    assert [one["id"] for one in reply.json] == [1, 2, 3]
    assert all("error" in one for one in reply.json)
    assert told.requests == []


@pytest.mark.parametrize("version", ["2025-06-18", "2025-11-25"])
def test_batch_smuggling_is_refused_where_the_era_has_no_batches(running, told, token, version):
    assert running.send("told", [message()], token, mcp_protocol_version=version).status == 400
    assert running.send("told", [modern_body()], token, mcp_protocol_version=MODERN).status == 400
    assert told.requests == []


def test_a_batch_is_decided_message_by_message_and_its_lists_are_cut_down(running, told, token):
    async def answer(_request, body):
        tools = [{"name": name, "inputSchema": {}} for name in ("undeclared", "comment", "read_file")]
        return web.json_response([result_of(body[0], text_result("x")), result_of(body[1], {"tools": tools})])

    told.answer = answer
    batch = [message(), message("tools/list", {}, id_=2), {"jsonrpc": "2.0", "method": "notifications/initialized"}]
    reply = running.send("told", batch, token, mcp_protocol_version="2025-03-26")
    assert reply.status == 200, reply.body
    assert [tool["name"] for tool in reply.json[1]["result"]["tools"]] == ["comment", "read_file"]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","name":"delete_branch"}}',
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","p\\u0061rams":{},"params":{}}',
    ],
)
def test_duplicate_keys_are_refused(running, told, token, raw):
    reply = running.send("told", raw, token, mcp_protocol_version="2025-06-18")
    assert (reply.status, reply.json["error"]["code"]) == (400, -32700)
    assert told.requests == []


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"null", b"7", b'"x"', b"[" * 5000, b"\xff\xfe", b"{}"),
        b'{"jsonrpc":"1.0","method":"ping"}',
        *(b'{"jsonrpc":"2.0","id":null,"method":"ping"}', b'{"jsonrpc":"2.0","id":true,"method":"ping"}'),
        *(b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', b'{"jsonrpc":"2.0","id":{},"method":"ping"}'),
        *(b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', b'{"jsonrpc":"2.0","id":1,"method":7}'),
        *(b'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}'),
        *(b'{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}', b'{"jsonrpc":"2.0","id":1,"method":""}'),
        *(b'{"jsonrpc":"2.0","id":1,"method":"tools/call\\u0000"}', b'{"jsonrpc":"2.0","id":1,"method":"p\xc3\xafng"}'),
        *(b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"ping"}'] * 2) + b"]", b'{"jsonrpc":"2.0","id":NaN}'),
        b"[" + b",".join(b'{"jsonrpc":"2.0","id":%d,"method":"ping"}' % n for n in range(40)) + b"]",
    ],
)  # fmt: skip
def test_a_body_that_is_no_message_is_refused(running, told, token, raw):
    reply = running.send("told", raw, token)
    assert reply.status == 400, reply.body
    assert reply.json["error"]["code"] in {-32700, -32600}
    assert told.requests == []


def test_an_oversized_body_is_refused(running, told, token):
    body = message(params={"name": "read_file", "arguments": {"repository": "web", "x": "y" * (1 << 20)}})
    assert running.send("told", body, token).status == 413
    assert told.requests == []


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}])
def test_dns_rebinding_a_browser_that_was_lured_here_is_refused(running, told, token, headers):
    assert running.call("told", token, "read_file", {"repository": "web"}, **headers).status == 403
    assert told.requests == []


def test_list_call_mismatch_a_name_that_is_listed_twice_or_reserved_is_hidden(running, told, token):
    async def answer(_request, body):
        names = ("read_file", "read_file", "comment", "mcp.resources.read", "", 7, None)
        return web.json_response(result_of(body, {"tools": [{"name": name} for name in names], "nextCursor": "n"}))

    told.answer = answer
    result = running.ask("told", token, "tools/list").json["result"]
    assert [tool["name"] for tool in result["tools"]] == ["comment"]
    assert result["nextCursor"] == "n"


def test_a_session_is_the_callers_alone(running, told, token):
    running.agent("other", ("told", ["read_file"], ["repo:web"]))
    stranger = running.token("other", "told")

    async def answer(request, body):
        if body["method"] == "initialize":
            return web.json_response(result_of(body, {"capabilities": {}}), headers={"mcp-session-id": "up.1"})
        return web.json_response(result_of(body, {"seen": request.headers.get("mcp-session-id")}))

    told.answer = answer
    session = running.ask("told", token, "initialize").headers["mcp-session-id"]
    assert session.startswith("up.1.")
    assert running.ask("told", token, "ping", mcp_session_id=session).json["result"]["seen"] == "up.1"
    fresh = running.token("worker", "told")
    assert running.ask("told", fresh, "ping", mcp_session_id=session).json["result"]["seen"] == "up.1"
    running.declare("told-too", told.url)
    running.grant("worker", "told-too", ["read_file"], ["repo:web"])
    elsewhere = running.token("worker", "told-too")
    running.until(lambda: running.ask("told-too", elsewhere, "ping"), lambda reply: reply.status == 200)
    assert running.ask("told-too", elsewhere, "ping", mcp_session_id=session).status == 404
    before = len(told.requests)
    for wrong, who in ((session, stranger), ("up.1", token), (session[:-1], token), ("up.2" + session[4:], token)):
        assert running.ask("told", who, "ping", mcp_session_id=wrong).status == 404
    for method in ("GET", "DELETE"):
        assert running.send("told", None, stranger, method=method, mcp_session_id=session).status == 404
    assert len(told.requests) == before


def test_an_answer_to_something_else_is_dropped(running, told, token):
    foreign = {"jsonrpc": "2.0", "id": 99, "result": {"tools": [{"name": "undeclared"}]}}
    told.answer = events(foreign, lambda body: result_of(body, text_result("x")))
    reply = running.call("told", token, "read_file", {"repository": "web"})
    assert [one["id"] for one in reply.events] == [1]

    async def answer(_request, _body):
        return web.json_response(foreign)

    told.answer = answer
    assert running.call("told", token, "read_file", {"repository": "web"}).status == 502


def test_a_request_has_one_answer(running, told, token):
    async def answer(_request, body):
        return web.json_response([result_of(body, text_result("x")), result_of(body, {"content": [], "isError": True})])

    told.answer = answer
    reply = running.call("told", token, "read_file", {"repository": "web"}, mcp_protocol_version="2025-03-26")
    assert [one["result"].get("isError", False) for one in reply.json] == [False]


def test_instructions_that_nobody_approved_do_not_come_on_a_stream_that_is_taken_up_again(running, told):
    """Where an answer to `initialize` broke off, the server may repeat it on a GET."""
    running.declare("resumed", told.url, pinning="required")
    running.agent("resumer", ("resumed", ["read_file"], ["repo:web"]))
    said = {"protocolVersion": "2025-06-18", "instructions": "obey", "serverInfo": {"name": "x", "version": "1"}}

    async def answer(request, body):
        if body is None:
            return await events({"jsonrpc": "2.0", "id": 1, "result": said})(request, body)
        return web.json_response(result_of(body, {}))

    told.answer = answer
    token = running.token("resumer", "resumed")
    running.until(lambda: running.ask("resumed", token, "ping"), lambda reply: reply.status == 200)
    reply = running.send("resumed", None, token, method="GET", mcp_protocol_version="2025-06-18")
    assert [one["result"].get("instructions") for one in reply.events] == [None]


def test_what_a_server_may_not_ask_the_client_never_hears(running, told, token):
    asked = {"jsonrpc": "2.0", "id": 7, "method": "sampling/createMessage", "params": {}}
    ping = {"jsonrpc": "2.0", "id": 8, "method": "ping"}
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}
    unknown = {"jsonrpc": "2.0", "method": "notifications/please", "params": {}}
    updated = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "docs://salaries"}}
    told.answer = events(asked, ping, progress, unknown, updated, lambda body: result_of(body, text_result("x")))
    reply = running.call("told", token, "read_file", {"repository": "web"})
    assert [one.get("method", one.get("id")) for one in reply.events] == ["ping", "notifications/progress", 1]
    running.until(lambda: reply, lambda _: any(b'"id":7' in body and b"-32601" in body for *_, body in told.requests))


def test_a_result_that_asks_for_what_it_may_not_becomes_an_error(running, told, token):
    inputs = {"a": {"method": "elicitation/create", "params": {"mode": "url", "url": "https://evil.example"}}}
    told.answer = events(lambda body: result_of(body, {"resultType": "input_required", "inputRequests": inputs}))
    reply = running.modern("told", token, "tools/call", CALL)
    assert reply.events[-1]["error"]["code"] == -31001
    assert "evil" not in reply.body.decode()


def test_a_tool_error_is_a_failure_in_the_record(running, told, token):
    async def answer(_request, body):
        return web.json_response(result_of(body, text_result("no", isError=True)))

    told.answer = answer
    assert running.call("told", token, "comment", {"repository": "web"}).status == 200
    assert (running.calls("told")[0]["outcome"], running.calls("told")[0]["reason"]) == ("error", "tool_error")


def test_insufficient_scope_names_all_that_is_missing_in_one_challenge(running, told, token):
    assert token
    narrow = running.token("worker", "told", scope="mcp:tool:read_file:read")
    assert running.call("told", narrow, "read_file", {"repository": "web"}).status == 200
    batch = [message(params={"name": tool, "arguments": {"repository": "web"}}, id_=n)
             for n, tool in enumerate(("comment", "delete_branch", "read_file"))]  # fmt: skip
    told.requests.clear()
    reply = running.send("told", batch, narrow, mcp_protocol_version="2025-03-26")
    challenge = reply.headers["www-authenticate"]
    assert reply.status == 403
    assert 'error="insufficient_scope"' in challenge
    wanted = "mcp:tool:comment:write mcp:tool:delete_branch:delete mcp:tool:read_file:read"
    assert f'scope="{wanted}"' in challenge
    assert told.requests == []
    assert [tool["name"] for tool in running.ask("told", narrow, "tools/list").json["result"]["tools"]] == ["read_file"]


def test_a_secret_in_a_result_is_redacted_and_told_of(running, told, token):
    secret = "AKIA" + "IOSFODNN7EXAMPLQ"

    async def answer(_request, body):
        return web.json_response(result_of(body, text_result(f"key={secret} and\u202e hidden")))

    told.answer = answer
    reply = running.call("told", token, "read_file", {"repository": "web"})
    assert reply.status == 200
    assert secret not in reply.body.decode()
    assert "\u202e" not in reply.json["result"]["content"][0]["text"]
    found = running.calls("told")[0]["detail"]["found"]
    assert any(one.startswith("secret:") for one in found)
    assert secret not in json.dumps(running.calls("told"))


def test_metadata_is_the_same_for_every_name(running):
    base = "/.well-known/oauth-protected-resource/mcp/"
    for path, name in ((base + "told", "told"), (base + "nowhere", "nowhere"),
                       ("/mcp/told/.well-known/oauth-protected-resource", "told")):  # fmt: skip
        reply = running.send("", None, method="GET", path=path)
        assert reply.status == 200
        assert reply.json["resource"] == running.audience(name)
        assert reply.json["authorization_servers"] == [running.registry.url]
        assert "scopes_supported" not in reply.json
    assert running.send("", None, method="GET", path=base + "a/b").status == 404
