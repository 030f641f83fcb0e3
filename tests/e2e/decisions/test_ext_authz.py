"""Envoy's external authorization: asked as Envoy asks, with Envoy's own published messages, over gRPC."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from envoy.config.core.v3 import base_pb2
from envoy.service.auth.v3 import external_auth_pb2
from tests.fakes.envoy_door import call, door_on, error
from tests.fakes.feed_world import claims_of
from tests.fakes.people import code_for, redeem, with_people

from leasehold.envoy.server import CannotListen, ExtAuthz
from leasehold.model.directory import User
from leasehold.model.errors import Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.leases import agent_node
from leasehold.model.policies import Policy, PolicySide

AGENTGATEWAY = Path(__file__).parents[3] / "deploy" / "agentgateway" / "config.yaml"


@pytest.fixture
def door(tmp_path):
    with door_on(tmp_path) as door:
        yield door


def test_a_request_without_a_live_token_is_told_to_bring_one(door):
    token = door.token()
    for wrong in ("", "nonsense", token[:-4] + "AAAA", door.world.registry_token()):
        response = door.check(call(), wrong)
        assert (response.status.code, response.denied_response.status.code) == (16, 401)
        headers = {one.header.key: one.header.value for one in response.denied_response.headers}
        assert headers["www-authenticate"].startswith("Bearer")
    door.world.bump(agent_node("triage"))
    assert door.check(call(), token).denied_response.status.code == 401


def test_a_call_within_the_grant_passes_and_what_is_behind_learns_who_calls(door):
    response = door.check(call(), door.token(), **{"x-leasehold-agent": "admin"})
    assert response.status.code == 0, response
    headers = {one.header.key: one.header.value for one in response.ok_response.headers}
    assert headers["x-leasehold-agent"] == "triage"
    assert len(headers["x-leasehold-decision"]) == 32
    overwrite = base_pb2.HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
    assert {one.append_action for one in response.ok_response.headers} == {overwrite}


def test_groups_of_the_persons_login_count_as_long_as_a_token_says_them(door):
    people = with_people(door.world)
    with people.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    people.put(Kind.TRUST_ISSUERS, "people", replace(issuer, groups_claim="groups"))
    people.put(Kind.USERS, "alice", User(ids=frozenset({"people/00u1alice"})))
    document = 'permit(principal in group::"people/eng", action == Action::"github/read_file", resource);'
    people.put(Kind.POLICIES, "eng", Policy(document=document, side=PolicySide.USER))
    codes = []
    for groups in (["eng"], ["ops"], []):
        token = redeem(people, code_for(people, claims={"groups": groups})).json["access_token"]
        codes.append(door.check(call(), token).status.code)
    assert codes == [0, 7, 7]


@pytest.mark.parametrize("body", [call("delete_everything"), call(repository="secret"), call("merge")])
def test_a_call_outside_the_grant_is_a_json_rpc_denial(door, body):
    response = door.check(body, door.token())
    assert (response.status.code, response.denied_response.status.code) == (7, 403)
    assert (error(response)["id"], error(response)["error"]["code"]) == (7, -32001)


def test_a_policy_counts_the_moment_it_is_published_and_the_denial_can_be_explained(door):
    token = door.token()
    assert door.check(call(), token).status.code == 0
    condition = 'when { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) };'
    document = f'forbid(principal, action == Action::"github/read_file", resource) {condition}'
    door.world.put(Kind.POLICIES, "office", Policy(document=document, side=PolicySide.AGENT))
    denied = error(door.check(call(), token))["error"]
    assert denied["message"] == "forbidden"
    door.recorder.close()
    with door.world.store.read() as unit:
        (event,) = unit.audit.list(kind="decisions", name=denied["data"]["evaluation_id"])
    assert (event.event.principal, event.event.detail["subject"]) == ("leasehold:ext-authz", "agent:triage")
    assert event.event.detail["lease"] == claims_of(token)["urn:leasehold:lease"]["id"]


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "[]", json.dumps([call()]), '{"jsonrpc": "1.0"}', "[" * 5000),
        '{"jsonrpc": "2.0", "method": "tools/call", "method": "ping"}',
        *(json.dumps({**call(), "params": params}) for params in ({"name": 5}, [])),
    ],
)
def test_a_body_that_is_no_message_is_refused(door, body):
    response = door.check(body, door.token())
    assert (response.status.code, response.denied_response.status.code) == (7, 400)


def test_a_body_that_envoy_cut_is_refused(door):
    response = door.check(call(), door.token(), **{"x-envoy-auth-partial-body": "true"})
    assert response.denied_response.status.code == 400


def test_an_argument_that_names_the_resource_has_to_be_there(door):
    for arguments in (
        {},
        {"repository": [5]},
        {"repository": ""},
        {"repository": "web/../secret"},
        {"repository": "%77"},
    ):
        body = {**call(), "params": {"name": "read_file", "arguments": arguments}}
        assert door.check(body, door.token()).denied_response.status.code == 400


def test_where_the_route_says_nothing_the_registered_tool_says_what_a_call_is_about(door):
    with door.world.store.read() as unit:
        server = unit.objects.get(Kind.TOOL_SERVERS, "github").spec
    tools = {name: replace(tool, resource="repo:{repository}") for name, tool in server.tools.items()}
    bare = {"tool_server": "github"}
    assert door.check(call(), door.token(), extensions=bare).denied_response.status.code == 403
    door.world.put(Kind.TOOL_SERVERS, "github", replace(server, tools=tools))
    token = door.token()
    assert door.check(call(), token, extensions=bare).status.code == 0
    assert door.check(call(repository="secret"), token, extensions=bare).denied_response.status.code == 403
    assert door.check(call(repository="../web"), token, extensions=bare).denied_response.status.code == 400


def test_agentgateway_asks_as_its_published_configuration_says(door):
    """It sends all headers in one map, pseudo-headers with them, a repeated one joined by a comma, and raw bytes."""
    routes = yaml.safe_load(AGENTGATEWAY.read_text())["binds"][0]["listeners"][0]["routes"]
    (asking,) = [route["policies"]["extAuthz"] for route in routes]
    body = asking["includeRequestBody"]
    assert (asking["failureMode"], body["allowPartialMessage"], body["packAsBytes"]) == ("deny", False, True)

    def check(authorization, message):
        request = external_auth_pb2.CheckRequest()
        http = request.attributes.request.http
        http.method, http.path, http.host, http.scheme = "POST", "/mcp/github", "gateway.example", "http"
        pseudo = {":method": "POST", ":path": "/mcp/github", ":authority": "gateway.example", ":scheme": "http"}
        http.headers.update({**pseudo, "content-type": "application/json", "authorization": authorization})
        http.raw_body = json.dumps(message).encode()
        request.attributes.source.address.socket_address.address = "10.20.3.4"
        request.attributes.context_extensions.update(asking["protocol"]["grpc"]["context"])
        door.current.look()
        return door.stub.Check(request, timeout=10)

    token = door.token()
    assert check(f"Bearer {token}", call()).status.code == 0
    assert check(f"Bearer {token}", call(repository="secret")).denied_response.status.code == 403
    assert check(f"Bearer {token}, Bearer {token}", call()).denied_response.status.code == 401


def test_a_token_for_another_tool_server_is_refused(door):
    assert door.check(call(), door.token(), extensions={"tool_server": "jira"}).denied_response.status.code in {
        400,
        401,
    }
    assert door.check(call(), door.token(), extensions={"tool_server": "nowhere"}).denied_response.status.code == 400


@pytest.mark.parametrize(
    ("method", "passes"),
    [
        *((method, True) for method in ("initialize", "tools/list", "ping", "resources/list")),
        *((method, False) for method in ("resources/read", "sampling/createMessage", "tools/erase")),
    ],
)
def test_what_opens_and_lists_passes_and_what_nobody_maps_does_not(door, method, passes):
    response = door.check({"jsonrpc": "2.0", "id": 1, "method": method}, door.token())
    assert (response.status.code == 0) is passes
    assert passes or error(response)["id"] == 1
    assert door.check({"jsonrpc": "2.0", "id": 1, "method": method}).denied_response.status.code == 401


def test_streams_and_ends_of_sessions_need_a_live_token_too(door):
    for method in ("GET", "DELETE"):
        assert door.check("", door.token(), method=method).status.code == 0
        assert door.check("", method=method).denied_response.status.code == 401
    assert door.check("", door.token(), method="PUT").denied_response.status.code == 400


def test_an_obligation_that_envoy_cannot_fulfil_denies(door):
    document = '@obligation("step-up") permit(principal, action == Action::"github/read_file", resource);'
    door.world.put(Kind.POLICIES, "steps", Policy(document=document, side=PolicySide.AGENT))
    assert "obligation" in error(door.check(call(), door.token()))["error"]["message"]


def test_where_the_registry_is_not_known_or_not_reached_nothing_passes(door):
    token = door.token()
    assert door.check(call(), token, look=False).denied_response.status.code == 503
    door.current.look()
    door.world.later(seconds=6)
    assert door.check(call(), token, look=False).denied_response.status.code == 503

    class Silent:
        def read(self):
            raise Unavailable("no database")

    door.authorizing._callers = replace(door.callers, leases=Silent())
    response = door.check(call(), token)
    assert (response.denied_response.status.code, error(response)["error"]["code"]) == (503, -32603)


def test_an_address_that_is_taken_is_told(door):
    with pytest.raises(CannotListen):
        ExtAuthz(door.authorizing, f"127.0.0.1:{door.served.port}").start()


def test_no_token_and_no_argument_is_in_what_it_says(door):
    token, secret = door.token(), "s3cr3t-value"
    answers = [
        door.check(call(note=secret), token),
        door.check(call(repository=secret), token),
        door.check(call(), secret),
    ]
    for response in answers:
        assert secret not in str(response)
        assert token not in str(response)
