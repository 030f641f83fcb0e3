"""Our server and an OpenID provider that nobody here wrote, each on loopback, introduced to each other."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from tests.fakes.exchange_world import EXCHANGE, TOOLS
from tests.fakes.oidc_provider import CLIENT, id_token, node_answer, running_provider, workshop
from tests.fakes.serving import PATIENCE, Served

from leasehold.settings import read_settings
from leasehold.wiring import open_server

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
_ABOUT = {"kind", "name", "revision", "created_at", "updated_at", "updated_by", "stack", "managed_by"}
_YOUNG_SECONDS = 60.0
GRANT = "triage/github.read_file@repo:web"


@dataclass
class Meeting:
    """Who met: our server and the provider, whose user is alice."""

    server: str
    provider: str
    folder: Path
    _tokens: dict[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def id_token(self) -> str:
        """An id token of alice's."""
        return self._young("id", lambda: id_token(self.provider, "alice"))

    @property
    def registry_token(self) -> str:
        """Her token for the registry."""
        form = {"grant_type": EXCHANGE, "subject_token_type": ID_TOKEN, "resource": f"{self.server}/v1"}
        return self._young("registry", lambda: self._exchanged({**form, "subject_token": self.id_token}))

    def _exchanged(self, form: dict[str, str]) -> str:
        answer = httpx.post(f"{self.server}/oauth2/token", data=form, timeout=PATIENCE)
        return answer.raise_for_status().json()["access_token"]

    def _young(self, which: str, issue: Callable[[], str]) -> str:
        """A token that has most of its life before it, however long the session has been running."""
        issued, token = self._tokens.get(which, (0.0, ""))
        if time.monotonic() - issued > _YOUNG_SECONDS:
            token = issue()
            self._tokens[which] = (time.monotonic(), token)
        return token

    def initial_access_token(self) -> str:
        """A token with which one client may register itself for the agent."""
        path = "/v1/agents/triage:registration-token"
        return _send(self.server, "POST", path, self.registry_token)["initial_access_token"]

    def change(self, kind: str, name: str, **fields: object) -> None:
        """Change an object, whatever it is now."""
        headers = {"authorization": f"Bearer {self.registry_token}"}
        url = f"{self.server}/v1/{kind}/{quote(name, safe='')}"
        live = httpx.get(url, headers=headers)
        spec = {key: value for key, value in live.json().items() if key not in _ABOUT} | fields
        httpx.put(url, json=spec, headers={**headers, "if-match": live.headers["etag"]}).raise_for_status()

    def node(self, script: str, **asked: object) -> dict:
        """What a script answers to what it is asked."""
        return node_answer(self.folder, script, **asked)


@pytest.fixture(scope="session")
def meeting(tmp_path_factory) -> Iterator[Meeting]:
    folder = workshop(tmp_path_factory.mktemp("interop"))
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        running_provider(folder, f"{_url(listener)}/oauth2/login/callback") as provider,
        _server(folder / "registry", listener) as (server, bootstrap),
    ):
        found = Meeting(server, provider, folder)
        trust = {"type": "oidc", "issuer": provider, "audiences": [CLIENT], "algorithms": ["ES256"]}
        metadata = httpx.get(f"{provider}/.well-known/openid-configuration").json()
        ends = {name: metadata[name] for name in ("authorization_endpoint", "token_endpoint")}
        trust |= {"login": {"client_id": CLIENT, **ends}, "groups_claim": "groups"}
        alice = {"trust_issuer": "people", "oidc": {"subject": "alice"}}
        _send(
            server,
            "POST",
            "/v1/bootstrap",
            bootstrap,
            trust_issuer={"name": "people", **trust, "allow_private": True},
            workload_bindings=[{"name": "alice", "role": "security-admin", **alice}],
        )
        for kind, name, spec in (
            ("owners", "alice", {"display_name": "Alice", "email": "alice@example.com", "team": "shop"}),
            ("agents", "triage", {"owner": "alice", "review_by": "2027-06-01", "dynamic_clients": 2}),
            ("tool-servers", "github", {"url": TOOLS, "tools": {"read_file": {"action": "read"}}}),
            (
                "grants",
                GRANT,
                {"agent": "triage", "tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]},
            ),
            ("deployments", "triage-prod", {"agent": "triage"}),
            ("workload-bindings", "triage-alice", {"agent": "triage", **alice}),
        ):
            _send(server, "PUT", f"/v1/{kind}/{quote(name, safe='')}", found.registry_token, **spec)
        yield found


def _send(server: str, method: str, path: str, bearer: str, **body: object) -> dict:
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/json"}
    if method == "PUT":
        headers["if-none-match"] = "*"
    request = urllib.request.Request(server + path, json.dumps(body).encode(), headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:  # noqa: S310  loopback
        return json.loads(reply.read())


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def _server(data: Path, listener: socket.socket) -> Iterator[tuple[str, str]]:
    """Our server, whose issuer is where it listens, and its bootstrap token."""
    url = _url(listener)
    environment = {
        "LEASEHOLD_DATA_DIR": str(data),
        "LEASEHOLD_ISSUER": url,
        "LEASEHOLD_DPOP_NONCES": "required",
        "LEASEHOLD_DYNAMIC_REGISTRATION": "on",
    }
    server = open_server(read_settings(environment))
    assert server.bootstrap_token
    served = Served(server.app, listener=listener)
    yield url, server.bootstrap_token
    served.stop(at_once=True)
    server.store.close()
