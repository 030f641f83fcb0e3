"""What a call passes, with the world in the test's hands: clocks, stores, credentials, approvals."""

import asyncio
import hashlib
import json

import pytest
from tests.fakes.client_keys import ClientKey
from tests.fakes.gateway_world import TOOLS, GatewayWorld, _Played

from leasehold.decisions.explaining import explain
from leasehold.gateway import records
from leasehold.gateway.rates import Rate, RateLimits
from leasehold.model.connections import Authorized, ConnectionKind, NotConnected
from leasehold.model.errors import Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.leases import agent_node
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.principal import Principal, Role
from leasehold.model.tools import Action, Tool
from leasehold.policy.platform import PlatformAction, decide_platform


def code_of(reply):
    return reply.json["error"]["code"]


READER = decide_platform(Principal(id="oidc:x", role=Role.AUDITOR), PlatformAction.READ_AUDIT, "audit-trail")


def events(world):
    world.recorder.close()
    return [one for one in world.world.events() if one.kind == "calls"]


def test_a_call_goes_out_with_the_brokers_credential_and_no_other(world):
    world.broker.answer = Authorized(
        headers=(("Authorization", "Bearer upstream-secret"),), connection="c-1", kind=ConnectionKind.SHARED
    )
    token = world.token()
    assert world.call("read_file", token, repository="web").status == 200
    (sent,) = world.upstream.sent
    assert sent.headers["authorization"] == "Bearer upstream-secret"
    assert token not in json.dumps(dict(sent.headers))
    assert "upstream-secret" not in repr(sent)
    (asked,) = world.broker.calls
    assert (asked.agent, asked.user, asked.tool_server) == ("triage", None, "code")
    assert (asked.method, asked.url, asked.body) == ("POST", sent.url, sent.body)
    (event,) = events(world)
    assert (event.detail["connection"], event.detail["connection_kind"]) == ("c-1", "shared")
    assert "upstream-secret" not in str(event)
    assert (event.detail["tool"], event.detail["deployment"]) == ("code/read_file", "triage-prod")


def test_what_came_out_is_on_record_as_a_keyed_digest(world):
    reply = world.call("read_file", repository="web")
    (event,) = events(world)
    assert event.detail["output_digest"] == world.vault.digest("agent:triage", hashlib.sha256(reply.body).digest())
    assert event.content.subject == "agent:triage"
    shut = json.loads(world.vault.read(READER, event.content.commitment, world.world.now)[0])
    assert json.loads(shut["output"]) == reply.json
    assert shut["arguments"] == {"repository": "web"}
    assert event.detail["decision"]["arguments_digest"] == world.vault.digest("agent:triage", b'{"repository":"web"}')


CALLS = [("read_file", "web", ["ok"]), ("comment", "web", ["error", "ok"]), ("read_file", "api", ["denied"])]


@pytest.mark.parametrize(("tool", "repository", "outcomes"), CALLS)
def test_a_call_and_its_decision_are_one_event_and_two_where_it_may_change_something(world, tool, repository, outcomes):
    world.call(tool, repository=repository)
    called = events(world)[::-1]
    assert [one.outcome.value for one in called] == outcomes
    assert [one.kind for one in world.world.events() if one.kind in {"calls", "decisions"}] == ["calls"] * len(called)
    assert ["decision" in one.detail for one in called] == [True, False][: len(called)]
    assert len({tuple(one.detail["decisions"]) for one in called}) == 1
    for one in called:
        assert [side["allowed"] for side in one.detail["sides"][0]] == [repository == "web"]


@pytest.mark.parametrize(("tool", "repository", "outcomes"), CALLS)
def test_the_decision_on_a_call_is_explained_by_its_id(world, tool, repository, outcomes):
    for _ in range(3):  # in one moment, so that nothing but the id tells them apart
        world.call(tool, repository=repository)
    firsts = [one for one in events(world)[::-1] if "decision" in one.detail]
    ids = [one.detail["decisions"][0] for one in firsts]
    assert len(set(ids)) == len(ids) == 3
    state = world.current.state(world.world.now)
    for id_, event in zip(ids, firsts, strict=True):
        found = explain(world.world.store, world.vault, READER, state, id_)
        assert (found.id, found.at, found.allowed) == (id_, world.world.now, outcomes != ["denied"])
        assert found.said["action"] == f"code/{tool}"
        assert found.said["sides"][0]["side"] == "agent"
        assert found.said["lease"] == event.detail["lease"]
        assert found.traced is not None


def test_a_read_that_takes_its_time_is_on_record_before_it_ends(world, monkeypatch):
    monkeypatch.setattr(records, "_OVERDUE_SECONDS", 0.01)
    seen = []

    async def slow(_):
        while not seen:
            await asyncio.sleep(0.01)
            seen.extend(one for one in world.world.events() if one.kind == "calls")
        yield b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}'

    monkeypatch.setattr(_Played, "chunks", slow)
    assert world.call("read_file", repository="web").status == 200
    ended, begun = events(world)
    assert (begun.outcome.value, begun.reason, "decision" in begun.detail) == ("error", "not_finished", True)
    assert (ended.outcome.value, "decision" in ended.detail) == ("ok", False)
    assert begun.detail["decisions"] == ended.detail["decisions"]


def test_of_a_long_answer_the_beginning_is_kept_and_of_a_list_nothing(world):
    world.upstream.answer = lambda _: {"content": [{"type": "text", "text": "x" * 5000}]}
    world.call("read_file", repository="web")
    world.upstream.answer = lambda _: {"tools": []}
    world.ask("tools/list", {})
    listed, called = events(world)
    assert len(json.loads(world.vault.read(READER, called.content.commitment, world.world.now)[0])["output"]) == 1024
    assert listed.content is None


@pytest.mark.parametrize("url", [None, "https://leasehold.example/connect/x"])
def test_a_call_without_a_connection_says_how_to_get_one(world, url):
    world.broker.answer = NotConnected(reason="not_connected", connect_url=url)
    reply = world.call("read_file", repository="web")
    assert (reply.status, code_of(reply)) == (403, -31002)
    assert reply.json["error"]["data"].get("connect_url") == url
    assert world.upstream.sent == []


def test_a_client_that_takes_urls_is_asked_in_the_protocol(world):
    world.broker.answer = NotConnected(reason="not_connected", connect_url="https://leasehold.example/connect/x")
    params = {"name": "read_file", "arguments": {"repository": "web"}}
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"url": {}}}}  # fmt: skip
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {**params, "_meta": meta}}).encode()
    headers = {"host": "leasehold.example", "content-type": "application/json", "mcp-method": "tools/call",
               "mcp-name": "read_file", "mcp-protocol-version": "2026-07-28",
               "authorization": f"Bearer {world.token()}"}  # fmt: skip
    result = world.run("/mcp/code", body, headers).json["result"]
    (asked,) = result["inputRequests"].values()
    assert result["resultType"] == "input_required"
    assert asked["params"]["url"] == "https://leasehold.example/connect/x"
    old = {**headers, "mcp-protocol-version": "2025-11-25"}
    plain = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    error = world.run("/mcp/code", plain, old).json["error"]
    assert (error["code"], error["data"]["elicitations"][0]["mode"]) == (-32042, "url")


def test_where_nothing_can_be_recorded_nothing_goes_out(world):
    token = world.token()
    original = world.recorder._store
    world.recorder._store = Broken(original)
    for tool in ("comment", "comment", "read_file"):
        reply = world.call(tool, token, repository="web")
        assert (reply.status, code_of(reply)) == (503, -31006), tool
    assert world.upstream.sent == []
    world.recorder._store = original


class Broken:
    """A database that reads and does not write."""

    def __init__(self, store):
        self._store = store

    def begin(self):
        raise Unavailable("no disk")

    def read(self):
        return self._store.read()


def test_a_write_is_on_disk_as_unfinished_before_it_goes_out(world):
    seen = []

    def answer(message):
        with world.store.read() as unit:
            seen.extend((one.event.outcome, one.event.reason) for one in unit.audit.list(kind="calls"))
        return {"content": []}

    world.upstream.answer = answer
    assert world.call("comment", repository="web").status == 200
    assert seen == [("error", "not_finished")]
    assert [(one.outcome, one.reason) for one in events(world)] == [("ok", ""), ("error", "not_finished")]


def test_knowledge_of_revocations_that_is_too_old_refuses_writes_first_and_then_all(world):
    token = world.token()
    for seconds, write, read in ((0.5, 200, 200), (1, 503, 200), (30, 503, 503)):
        world.world.later(seconds=seconds)
        world.current.look()
        assert world.call("comment", token, repository="web").status == write
        assert world.call("read_file", token, repository="web").status == read
    world.look()
    assert world.call("comment", token, repository="web").status == 200


@pytest.mark.parametrize("declared", [5, 60])
def test_how_old_it_may_be_is_what_the_tool_server_says_for_reads_and_writes_and_lists(world, declared):
    world.serve("code", TOOLS, max_staleness=declared)
    world.look()
    token = world.token()
    for seconds, status in ((declared, 200), (0.5, 503)):
        world.world.later(seconds=seconds)
        world.current.look()
        for tool in ("comment", "read_file"):
            assert world.call(tool, token, repository="web").status == status
        assert world.ask("tools/list", {}, token).status == status


def test_a_state_of_the_registry_that_is_too_old_refuses(world):
    token = world.token()
    world.world.later(seconds=6)
    world.following.look()
    assert world.call("read_file", token, repository="web").status == 503


def test_a_revoked_lease_is_refused_at_its_next_use(world):
    token = world.token()
    assert world.call("read_file", token, repository="web").status == 200
    world.world.bump(agent_node("triage"))
    world.following.look()
    assert world.call("read_file", token, repository="web").status == 401


def test_a_lease_that_is_revoked_while_the_call_is_under_way_gets_no_answer(world):
    def answer(_message):
        world.world.bump(agent_node("triage"))
        world.following.look()
        return {"content": [{"type": "text", "text": "too late"}]}

    world.upstream.answer = answer
    reply = world.call("comment", repository="web")
    assert reply.status == 401
    assert b"too late" not in reply.body
    assert next((one.outcome, one.reason) for one in events(world)) == ("ok", "invalid_token")


def test_an_expired_token_is_refused(world):
    token = world.token()
    world.world.later(seconds=301)
    world.look()
    assert world.call("read_file", token, repository="web").status == 401


def test_a_bound_token_needs_its_proof_every_time_anew(world):
    key = ClientKey()
    proof = key.proof(world.world.now)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": world.world.pod_token(),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "resource": "https://leasehold.example/mcp/code"}  # fmt: skip
    token = world.world.form("/oauth2/token", {"dpop": proof}, **form).json["access_token"]
    url = "https://leasehold.example/mcp/code"
    params = {"name": "read_file", "arguments": {"repository": "web"}}

    def ask(**headers):
        return world.ask("tools/call", params, **headers)

    good = key.proof(world.world.now, url=url, method="POST", token=token)
    assert ask(authorization=f"DPoP {token}", dpop=good).status == 200
    for headers in (
        {"authorization": f"Bearer {token}"},
        {"authorization": f"DPoP {token}"},
        {"authorization": f"DPoP {token}", "dpop": good},
        {"authorization": f"DPoP {token}", "dpop": key.proof(world.world.now, url=url, method="GET", token=token)},
        {
            "authorization": f"DPoP {token}",
            "dpop": key.proof(world.world.now, url=url + "x", method="POST", token=token),
        },
        {
            "authorization": f"DPoP {token}",
            "dpop": ClientKey().proof(world.world.now, url=url, method="POST", token=token),
        },
        {
            "authorization": f"DPoP {world.token()}",
            "dpop": key.proof(world.world.now, url=url, method="POST", token=token),
        },
    ):
        assert ask(**headers).status == 401, headers
    assert len(world.upstream.sent) == 1


def test_batch_smuggling_each_message_of_a_batch_counts(tmp_path):
    world = GatewayWorld(tmp_path, RateLimits(tool=Rate(per_minute=60, burst=20)))
    try:
        params = {"name": "read_file", "arguments": {"repository": "web"}}
        batch = [{"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": params} for n in range(21)]
        headers = {"host": "leasehold.example", "content-type": "application/json",
                   "authorization": f"Bearer {world.token()}"}  # fmt: skip
        assert world.run("/mcp/code", json.dumps(batch).encode(), headers).status == 429
        assert world.upstream.sent == []
    finally:
        world.close()


def test_a_tool_that_is_not_approved_is_hidden_and_denied_like_an_unknown_one(world):
    class Nothing:
        async def judged(self, _server, _tools, _instructions, *, whole):
            assert whole
            return frozenset({"comment"})

        async def approved(self, _server, tool):
            return tool == "comment"

        def seen(self, *_):
            return None

    world.with_surfaces(Nothing())
    world.upstream.answer = lambda _: {"tools": [{"name": name} for name in ("read_file", "comment")]}
    assert [one["name"] for one in world.ask("tools/list").json["result"]["tools"]] == ["comment"]
    hidden, unknown = world.call("read_file", repository="web"), world.call("nothing_here", repository="web")
    assert (hidden.status, code_of(hidden)) == (400, -32602)
    assert hidden.body.replace(b"read_file", b"X") == unknown.body.replace(b"nothing_here", b"X")
    assert len(world.upstream.sent) == 1


def test_an_obligation_that_the_gateway_cannot_fulfil_denies(world):
    document = '@obligation("step-up") permit(principal, action == Action::"code/read_file", resource);'
    world.world.put(Kind.POLICIES, "steps", Policy(document=document, side=PolicySide.AGENT))
    world.look()
    hidden = world.call("read_file", repository="web")
    assert code_of(hidden) == code_of(world.call("no_such_tool"))  # it could never be called, so it is not there
    permit = 'permit(principal, action == Action::"code/read_file", resource)'
    owed = f'@obligation("step-up") {permit} when {{ resource == repo::"web" }};'
    free = f'{permit} when {{ resource == repo::"docs" }};'
    world.world.put(Kind.POLICIES, "steps", Policy(document=owed + free, side=PolicySide.AGENT))
    world.look()
    reply = world.call("read_file", repository="web")
    assert (reply.status, reply.json["error"]["data"]["reason"]) == (403, "obligation")


def test_an_argument_that_could_name_another_resource_is_denied(world):
    tools = {"read": Tool(action=Action.READ, resource="file:{owner}/{path}")}
    world.serve("files", tools)
    world.grant("files", ["read"], "file:acme/*")
    world.look()
    token = world.token("files")
    assert world.call("read", token, "files", owner="acme", path="a.txt").status == 200
    for wrong in ({"owner": "acme", "path": "../b"}, {"owner": "acme/..", "path": "x"},
                  {"owner": "acme/x", "path": "y"},
                  {"owner": "acme", "path": "%2e%2e"}, {"owner": "acme", "path": ".."}, {"owner": "acme"},
                  {"owner": "acme", "path": ["a"]}, {"owner": "acme", "path": "a\\..\\b"}):  # fmt: skip
        assert world.call("read", token, "files", **wrong).status == 403, wrong
    assert len(world.upstream.sent) == 1


def test_more_tools_than_an_agent_can_choose_among_are_reported_and_listed(world):
    tools = {f"t{n}": Tool(action=Action.READ) for n in range(41)}
    world.serve("many", tools)
    world.grant("many", sorted(tools), "tool_server:many")
    world.look()
    world.upstream.answer = lambda _: {"tools": [{"name": name} for name in tools], "cacheScope": "public"}
    result = world.ask("tools/list", server="many").json["result"]
    assert len(result["tools"]) == 41
    assert result["_meta"]["io.leasehold/toolBudget"] == {"budget": 40, "listed": 41}
    assert result["cacheScope"] == "private"


def test_a_server_that_is_going_takes_nothing_new(world):
    world.app.drain.draining = True
    reply = world.call("read_file", repository="web")
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert world.upstream.sent == []


def test_a_tool_server_that_says_another_address_than_its_own_is_served_by_nobody(world):
    with world.store.read() as unit:
        spec = unit.objects.get(Kind.TOOL_SERVERS, "code").spec
    token = world.token()
    object.__setattr__(spec, "url", "https://leasehold.example/mcp/other")
    world.world.put(Kind.TOOL_SERVERS, "code", spec)
    world.look()
    assert world.call("read_file", token, repository="web").status == 401
