"""One agent's life over HTTP: bootstrap, declare, become, act, end. Discovery and JWKS are fetched for real."""

import json
import urllib.error
import urllib.request
from urllib.parse import quote, urlencode

import pytest
from tests.fakes.exchange_world import EXCHANGE, JWT, TOOLS
from tests.fakes.simulated_issuer import SimulatedIssuer

REGISTRY = "http://127.0.0.1:8420/v1"
GRANT = "triage/github.read_file@repo:web"


class Client:
    """Speaks to the registry with nothing but the standard library."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""

    def send(self, method, path, body=None, *, form=None, **headers):
        raw = urlencode(form).encode() if form else (json.dumps(body).encode() if body is not None else None)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        headers = {"content-type": kind, **headers}
        if self.token:
            headers.setdefault("authorization", f"Bearer {self.token}")
        request = urllib.request.Request(self.url + path, raw, headers, method=method)  # noqa: S310  loopback
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  loopback
                return reply.status, json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def exchange(self, token, resource, **more):
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT, "resource": resource}
        return self.send("POST", "/oauth2/token", form={**form, **more}, authorization="")

    def create(self, kind, name, **spec):
        status, answer = self.send("PUT", f"/v1/{kind}/{quote(name, safe='')}", spec, **{"if-none-match": "*"})
        assert status == 201, answer

    def introspect(self, token):
        return self.send("POST", "/oauth2/introspect", form={"token": token})


def declare(client, cluster, people, bootstrap):
    trust = {"type": "oidc", "issuer": people.url, "audiences": [people.audience], "algorithms": ["ES256"]}
    body = {
        "trust_issuer": {"name": "people", **trust, "allow_private": True},
        "workload_bindings": [
            {"name": "alice", "trust_issuer": "people", "role": "security-admin", "oidc": {"subject": "00u1alice"}}
        ],
    }
    status, answer = client.send("POST", "/v1/bootstrap", body, authorization=f"Bearer {bootstrap}")
    assert status < 300, answer
    status, answer = client.exchange(people.token(), REGISTRY)
    assert status == 200, answer
    client.token = answer["access_token"]
    client.create("owners", "alice", display_name="Alice", email="alice@example.com", team="shop")
    client.create("agents", "triage", owner="alice", review_by="2027-06-01")
    tools = {"read_file": {"action": "read"}, "delete_branch": {"action": "delete"}}
    client.create("tool-servers", "github", url=TOOLS, tools=tools)
    client.create("grants", GRANT, agent="triage", tool_server="github", tools=["read_file"], resources=["repo:web"])
    client.create("deployments", "triage-prod", agent="triage")
    trust = {"type": "kubernetes", "issuer": cluster.url, "audiences": [cluster.audience], "allow_private": True}
    client.create("trust-issuers", "cluster", **trust, single_use=True)
    pins = {"namespace": "shop", "service_account": "triage", "any_uid": True}
    client.create("workload-bindings", "triage-pods", trust_issuer="cluster", agent="triage", kubernetes=pins)


@pytest.fixture
def issuers():
    cluster, people = SimulatedIssuer.kubernetes(), SimulatedIssuer.oidc()
    with cluster.serve(), people.serve():
        yield cluster, people


def test_a_life_of_an_agent(registry, issuers):
    url, bootstrap = registry
    cluster, people = issuers
    client = Client(url)
    declare(client, cluster, people, bootstrap)

    subject_token = cluster.token()
    status, answer = client.exchange(subject_token, TOOLS)
    assert (status, answer["scope"]) == (200, "mcp:tool:read_file:read")
    agent_token = answer["access_token"]
    assert client.introspect(agent_token)[1]["active"] is True
    assert client.exchange(subject_token, TOOLS)[0] == 400
    assert cluster.requests == ["/.well-known/openid-configuration", "/openid/v1/jwks"]

    status, live = client.send("GET", "/v1/deployments/triage-prod")
    assert (status, live["epoch"]) == (200, 1)
    assert client.send("DELETE", "/v1/deployments/triage-prod", **{"if-match": f'"{live["revision"]}"'})[0] == 204
    assert client.introspect(agent_token) == (200, {"active": False})
    assert client.exchange(cluster.token(), TOOLS)[1]["error"] == "invalid_grant"

    client.create("deployments", "triage-prod", agent="triage")
    status, again = client.exchange(cluster.token(), TOOLS)
    assert status == 200
    assert client.introspect(again["access_token"])[1]["urn:leasehold:lease"]["epoch"] > 1
    assert client.introspect(agent_token) == (200, {"active": False})

    events = client.send("GET", "/v1/audit/events?kind=leases")[1]["items"]
    assert {"replayed", "no_deployment"} <= {event["reason"] for event in events}
    assert subject_token not in json.dumps(events)


def test_every_narrowing_write_ends_the_token(registry, issuers):
    url, bootstrap = registry
    cluster, people = issuers
    client = Client(url)
    declare(client, cluster, people, bootstrap)

    def changed(kind, name, **fields):
        path = f"/v1/{kind}/{quote(name, safe='')}"
        live = client.send("GET", path)[1]
        envelope = {
            "kind",
            "name",
            "revision",
            "created_at",
            "updated_at",
            "updated_by",
            "stack",
            "managed_by",
            "epoch",
        }
        spec = {key: value for key, value in live.items() if key not in envelope} | fields
        status, answer = client.send("PUT", path, spec, **{"if-match": f'"{live["revision"]}"'})
        assert status == 200, answer

    endings = [
        lambda: changed("tool-servers", "github", tools={"read_file": {"action": "write"}}),
        lambda: changed("agents", "triage", state="suspended"),
        lambda: changed("agents", "triage", state="active"),
        lambda: changed("owners", "alice", state="disabled"),
        lambda: changed("owners", "alice", state="active"),
        lambda: changed("deployments", "triage-prod", commit="abc"),
        lambda: changed("trust-issuers", "cluster", audiences=["https://other.example"]),
    ]
    token = None
    for end in endings:
        status, answer = client.exchange(cluster.token(), TOOLS)
        token = answer["access_token"] if status == 200 else token
        end()
        assert client.introspect(token)[1] == {"active": False}
    assert client.exchange(cluster.token(), TOOLS)[0] == 400


def test_keys_are_fetched_from_nowhere_private_unless_allowed(registry, issuers):
    url, bootstrap = registry
    cluster, people = issuers
    client = Client(url)
    declare(client, cluster, people, bootstrap)
    live = client.send("GET", "/v1/trust-issuers/cluster")[1]
    spec = {"type": "kubernetes", "issuer": cluster.url, "audiences": [cluster.audience], "allow_private": False}
    assert client.send("PUT", "/v1/trust-issuers/cluster", spec, **{"if-match": f'"{live["revision"]}"'})[0] == 200

    assert client.exchange(cluster.token(), TOOLS)[1]["error"] == "invalid_grant"
    assert cluster.requests == []
    event = client.send("GET", "/v1/audit/events?kind=leases")[1]["items"][0]
    assert event["reason"] == "keys_unavailable"
