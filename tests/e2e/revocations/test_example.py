"""The tool server of the examples, against a real token service."""

import threading

import httpx
import pytest
from examples.tool_server.tool_server import ToolServer
from tests.fakes.serving import wait_until

from leasehold.store.sql_store import open_store


@pytest.fixture
def registry_url(sqlite_registry_url):
    return sqlite_registry_url


@pytest.fixture
def tools(service):
    with service.resource_server() as resource_server, ToolServer(("127.0.0.1", 0), resource_server.verifier) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def call(tools, token, tool="comment", body=None):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.post(f"{tools}/tools/{tool}", json=body or {"resource": "repo:web"}, headers=headers)


def test_an_agent_may_use_its_tools_on_its_resources_until_it_is_ended(service, tools):
    token = service.agent_token()
    answer = call(tools, token)
    assert (answer.status_code, answer.json()["for"]) == (200, "agent:triage")
    assert call(tools, token, "delete_branch").status_code == 403
    assert call(tools, token, body={"resource": "repo:api"}).status_code == 403
    assert call(tools, token, body=["repo:web"]).status_code == 403
    httpx.post(f"{service.url}/oauth2/revoke", data={"token": token}).raise_for_status()
    assert wait_until(lambda: call(tools, token).status_code == 401) < 1
    assert call(tools, service.agent_token()).status_code == 200


def test_nobody_else_gets_in(service, tools):
    for token in ("", "junk", service.world.pod_token(), service.world.people.token()):
        refused = call(tools, token)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_what_another_process_ends_is_refused_too(service, tools, registry_url):
    token = service.agent_token()
    other = open_store(registry_url)
    with other.begin() as unit:
        unit.nodes.bump("owner:alice")
    other.close()
    wait_until(lambda: call(tools, token).status_code == 401, seconds=2)
