"""A served registry, and an enforcement point with a token of its own."""

import http.client
import json
import time

import pytest
from tests.fakes.registry_http import live_registry
from tests.fakes.serving import PATIENCE


class Pep:
    """Asks for decisions over HTTP, on one connection that stays open."""

    def __init__(self, registry, token):
        self.registry = registry
        self.connection = http.client.HTTPConnection("127.0.0.1", registry.door.upstream, timeout=30)
        self.token = token

    def post(self, path, body, token=None):
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status == 200, (answer.status, content)
        return json.loads(content)

    def decide(self, body):
        return self.post("/access/v1/evaluation", body)

    def until(self, body, expected, seconds=PATIENCE):
        """Decide until the answer is as expected: what was written is enforced a moment later."""
        deadline = time.monotonic() + seconds
        while (answer := self.decide(body))["decision"] is not expected and time.monotonic() < deadline:
            time.sleep(0.01)
        assert answer["decision"] is expected, answer
        return answer


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with live_registry(tmp_path_factory.mktemp("registry")) as running:
        pep = {"trust_issuer": "idp", "role": "enforcer", "oidc": {"subject": "pep"}}
        running.create("workload-bindings", "role-pep", pep)
        yield running


@pytest.fixture(scope="module")
def pep(registry):
    asking = Pep(registry, registry.token("pep"))
    yield asking
    asking.connection.close()
