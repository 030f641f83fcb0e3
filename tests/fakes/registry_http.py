"""A real `leasehold serve` with people to call it, behind a door that counts requests and can lose answers."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.fakes.leasehold_process import ServerProcess
from tests.fakes.serving import PATIENCE
from tests.fakes.simulated_issuer import SimulatedIssuer

_TOKEN_KEPT_SECONDS = 150.0
_ENVELOPE = {
    "kind", "name", "revision", "created_at", "updated_at", "updated_by", "managed_by", "stack",
    "epoch", "live_grants", "expired",
}  # fmt: skip
_HOP = {"connection", "transfer-encoding", "content-length", "host", "date"}


@dataclass
class Door:
    """Forwards to the registry and remembers. `lose` decides, after the registry answered, whether anybody hears it."""

    upstream: int
    port: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    schemes: set[str] = field(default_factory=set)
    lose: Callable[[str, str], bool] = lambda *_: False
    before: Callable[[str, str], None] = lambda *_: None
    _server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        handler = type("Handler", (_Forward,), {"door": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def count(self, method: str, start: str = "") -> int:
        return sum(1 for verb, path in self.requests if verb == method and path.startswith(start))


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    door: Door

    def _forward(self) -> None:
        door, length = self.door, int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        door.requests.append((self.command, self.path))
        if "authorization" in self.headers:
            door.schemes.add(self.headers["authorization"].partition(" ")[0])
        door.before(self.command, self.path)
        connection = http.client.HTTPConnection("127.0.0.1", door.upstream, timeout=PATIENCE)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        try:
            connection.request(self.command, self.path, body or None, {**headers, "Host": f"127.0.0.1:{door.port}"})
            answer = connection.getresponse()
            if answer.getheader("content-type", "").startswith("text/event-stream"):
                self._stream(answer)
                return
            content = answer.read()
        except (OSError, http.client.IncompleteRead):
            self.close_connection = True
            return
        finally:
            connection.close()
        if door.lose(self.command, self.path):
            self.close_connection = True
            return
        self._send_head(answer, ("Content-Length", str(len(content))))
        self.wfile.write(content)

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        """Pass on what comes when it comes; the connection's end is the stream's."""
        self.close_connection = True
        self._send_head(answer, ("Connection", "close"))
        while piece := answer.read1(65536):
            self.wfile.write(piece)

    def _send_head(self, answer: http.client.HTTPResponse, last: tuple[str, str]) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header(*last)
        self.end_headers()

    do_GET = do_PUT = do_POST = do_DELETE = do_OPTIONS = _forward  # noqa: N815 -- http.server's names

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- http.server's name
        """Say nothing."""


class LiveRegistry:
    """One registry process and the identities that it trusts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issuer = SimulatedIssuer.oidc("https://login.example")
        self.github = SimulatedIssuer.github()
        self.door = Door(upstream=_free_port())
        self.door.start()
        self.url = f"http://127.0.0.1:{self.door.port}"
        self.issuer.audience = self.github.audience = self.url
        self.environment: dict[str, str] = {}
        self.begin: Callable[[tuple[str, ...], dict[str, str], Path, Path], ServerProcess] = ServerProcess
        self._process: ServerProcess | None = None
        self._tokens: dict[str, tuple[float, str]] = {}

    def start(self) -> str:
        """Start the process; return the bootstrap token, empty if the registry trusts somebody already."""
        environment = {
            "PATH": os.environ["PATH"],
            "LEASEHOLD_DATA_DIR": str(self.folder),
            "LEASEHOLD_ISSUER": self.url,
            "LEASEHOLD_LOG_LEVEL": "warning",
            **self.environment,
        }
        output, log = self.folder.with_name(f"{self.folder.name}.out"), self.folder / "serve.log"
        self._process = self.begin(("--port", str(self.door.upstream)), environment, output, log)
        self._wait()
        return output.read_text().strip()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                status, _ = self._raw("GET", "/healthz", {}, None)
            except OSError:
                status = 0
            if status == 200:
                return
            if self._process is not None and self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError((self.folder / "serve.log").read_text())

    @property
    def process(self) -> int:
        """The process that serves."""
        assert self._process is not None
        return self._process.pid

    def wait(self) -> int | None:
        """Until the process has ended; its exit code, negative for a signal."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def close(self) -> None:
        self.kill()
        self.door.stop()

    def furnish(self) -> None:
        """Trust an issuer; let `ci-prod`, `ci-staging`, `dev` and `admin` in."""
        bootstrap = self.start()
        roles = {
            "ci-prod": {"role": "security-admin", "stack": "prod"},
            "ci-staging": {"role": "security-admin", "stack": "staging"},
            "dev": {"role": "developer", "teams": ["web"], "stack": "dev"},
            "admin": {"role": "security-admin"},
        }
        issuer = {"type": "oidc", "issuer": self.issuer.url, "audiences": [self.url]}
        body = {
            "trust_issuer": {"name": "idp", **issuer, "algorithms": ["ES256"], "jwks": self.issuer.jwks()},
            "workload_bindings": [
                {"name": f"role-{who}", "trust_issuer": "idp", "oidc": {"subject": who}, **role}
                for who, role in roles.items()
            ],
        }
        self.call("POST", "/v1/bootstrap", body, bearer=bootstrap)
        github = {"type": "github-actions", "issuer": self.github.url, "audiences": [self.url]}
        self.create("trust-issuers", "github", {**github, "jwks": self.github.jwks()})
        claims = self.github.claims()
        pins = {"repository_id": claims["repository_id"], "repository_owner_id": claims["repository_owner_id"]}
        pins["job_workflow_ref"] = claims["job_workflow_ref"]
        role = {"role": "security-admin", "stack": "prod", "trust_issuer": "github", "github_actions": pins}
        self.create("workload-bindings", "role-github", role)

    def oidc_token(self, subject: str) -> str:
        return self.issuer.token(sub=subject)

    def token(self, subject: str = "admin") -> str:
        """A registry token of somebody, a fresh one where the last is half through its five minutes."""
        taken_at, _ = self._tokens.get(subject, (0.0, ""))
        if time.monotonic() - taken_at > _TOKEN_KEPT_SECONDS or subject not in self._tokens:
            form = {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": self.oidc_token(subject),
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "resource": f"{self.url}/v1",
            }
            body = "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items()).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            status, content = self._raw("POST", "/oauth2/token", headers, body)
            assert status == 200, content
            self._tokens[subject] = (time.monotonic(), json.loads(content)["access_token"])
        return self._tokens[subject][1]

    def call(
        self, method: str, path: str, body: object = None, *, bearer: str | None = None, **headers: str
    ) -> dict[str, Any]:
        """Ask the registry directly, past the door that counts; anything but success fails the test."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given["Authorization"] = f"Bearer {bearer or self.token()}"
        if body is not None:
            given["Content-Type"] = "application/json"
        raw = json.dumps(body).encode() if body is not None else None
        status, content = self._raw(method, path, given, raw)
        assert status < 300, (status, content)
        return json.loads(content) if content else {}

    def create(self, kind: str, name: str, spec: object, by: str = "admin") -> dict[str, Any]:
        path = f"/v1/{kind}/{quote(name, safe='')}"
        return self.call("PUT", path, spec, bearer=self.token(by), If_None_Match="*")

    def change(self, kind: str, name: str, **changes: object) -> dict[str, Any]:
        live = self.get(kind, name)
        envelope = {
            "kind",
            "name",
            "revision",
            "created_at",
            "updated_at",
            "updated_by",
            "managed_by",
            "stack",
            "epoch",
        }
        spec = {key: value for key, value in live.items() if key not in envelope | {"live_grants", "expired"}}
        path = f"/v1/{kind}/{quote(name, safe='')}"
        return self.call("PUT", path, {**spec, **changes}, If_Match=f'"{live["revision"]}"')

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return self.call("GET", f"/v1/{kind}/{quote(name, safe='')}")

    def names(self, kind: str) -> list[str]:
        return [item["name"] for item in self.call("GET", f"/v1/{kind}?limit=1000")["items"]]

    def is_active(self, token: str) -> bool:
        headers = {
            "Authorization": f"Bearer {self.token()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        status, content = self._raw("POST", "/oauth2/introspect", headers, f"token={quote(token)}".encode())
        assert status == 200, content
        return bool(json.loads(content)["active"])

    def events(self) -> list[dict[str, Any]]:
        """The newest audit events."""
        items: list[dict[str, Any]] = self.call("GET", "/v1/audit/events?limit=1000")["items"]
        return items

    def _raw(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.door.upstream, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def live_registry(folder: Path) -> Iterator[LiveRegistry]:
    """A furnished registry while the context lasts."""
    registry = LiveRegistry(folder)
    try:
        registry.furnish()
        yield registry
    finally:
        registry.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
