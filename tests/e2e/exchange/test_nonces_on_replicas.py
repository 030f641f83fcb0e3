"""Two servers on one database take each other's nonces, and neither takes a proof that the other took."""

import asyncio
import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from tests.fakes.client_keys import ClientKey
from tests.fakes.exchange_world import EXCHANGE, JWT, request, signing_key
from tests.fakes.simulated_issuer import SimulatedIssuer

from leasehold.settings import read_settings
from leasehold.wiring import open_server

URL = "http://127.0.0.1:8420"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def call(server, method, path, headers, body=b""):
    return asyncio.run(request(server.app, method, path, body, headers))


async def stop(server):
    """The end of the ASGI lifespan, as a real server brings it about."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return messages.pop(0)

    async def send(_message):
        pass

    await server.app({"type": "lifespan"}, receive, send)


def bootstrap(server, people):

    trust = {"type": "oidc", "issuer": people.url, "audiences": [people.audience], "algorithms": ["ES256"]}
    binding = {"name": "alice", "role": "viewer", "trust_issuer": "people", "oidc": {"subject": "00u1alice"}}
    body = {"trust_issuer": {"name": "people", **trust, "jwks": people.jwks()}, "workload_bindings": [binding]}
    headers = {"authorization": f"Bearer {server.bootstrap_token}", "content-type": "application/json"}
    assert call(server, "POST", "/v1/bootstrap", headers, json.dumps(body).encode()).status == 201


def test_replicas_share_nonces_and_the_memory_of_proofs(registry_url, tmp_path):
    environment = {
        "LEASEHOLD_DATA_DIR": str(tmp_path / "data"),
        "LEASEHOLD_DATABASE_URL": registry_url,
        "LEASEHOLD_ISSUER": URL,
        "LEASEHOLD_DPOP_NONCES": "required",
    }
    one = open_server(read_settings(environment))
    people = SimulatedIssuer.oidc(clock=lambda: datetime.now(UTC), keys=[signing_key("people", "ES256")])
    bootstrap(one, people)
    other = open_server(read_settings(environment))
    key = ClientKey()

    def ask(server, **claims):
        proof = key.proof(datetime.now(UTC), url=f"{URL}/oauth2/token", **claims)
        fields = {"grant_type": EXCHANGE, "subject_token_type": JWT, "subject_token": people.token()}

        body = urlencode({**fields, "resource": f"{URL}/v1"}).encode()
        return call(server, "POST", "/oauth2/token", {**FORM, "dpop": proof}, body)

    nonce = ask(one).headers["dpop-nonce"]
    answer = ask(other, nonce=nonce)
    assert answer.json["token_type"] == "DPoP"
    token = answer.json["access_token"]
    proof = key.proof(datetime.now(UTC), url=f"{URL}/v1/whoami", method="GET", token=token, nonce=nonce)
    headers = {"authorization": f"DPoP {token}", "dpop": proof}
    assert call(one, "GET", "/v1/whoami", headers).json["role"] == "viewer"
    assert call(other, "GET", "/v1/whoami", headers).status == 401
    for server in (one, other):
        asyncio.run(stop(server))
