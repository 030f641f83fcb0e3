"""A whole server on loopback, on each database, with receivers in processes of their own."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.fakes.exchange_world import EXCHANGE, JWT, signing_key
from tests.fakes.serving import PATIENCE, Served
from tests.fakes.simulated_issuer import SimulatedIssuer

from leasehold.settings import read_settings
from leasehold.wiring import open_server

RECEIVER = Path(__file__).parent / "receiver.py"


class Registry:
    """A server that can be stopped and started on one port and database, and its security-admin's identity."""

    def __init__(self, database_url: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.people = SimulatedIssuer.oidc(clock=lambda: datetime.now(UTC), keys=[signing_key("people", "ES256")])
        self._environment = {
            "LEASEHOLD_DATA_DIR": str(folder),
            "LEASEHOLD_ISSUER": self.url,
            "LEASEHOLD_DATABASE_URL": database_url,
            "LEASEHOLD_PRIVATE_RECEIVERS": "127.0.0.1",
        }

    def start(self) -> str | None:
        """Serve; gives the bootstrap token of a first start."""
        server = open_server(read_settings(self._environment))
        self._served = Served(server.app, port=self._port)
        return server.bootstrap_token

    def stop(self) -> None:
        """Take no more requests, and end what works."""
        self._served.stop()

    def token(self) -> str:
        form = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": f"{self.url}/v1"}
        subject = {"subject_token": self.people.token()}
        answer = httpx.post(f"{self.url}/oauth2/token", data={**form, **subject}, timeout=PATIENCE)
        return answer.raise_for_status().json()["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token()}", "if-none-match": "*"}
        answer = httpx.request(method, self.url + path, json=body, headers=headers, timeout=PATIENCE)
        return answer.raise_for_status()


@dataclass
class Receiver:
    """What a receiver took."""

    url: str
    file: Path

    def claims(self) -> list[dict[str, Any]]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [json.loads(line) for line in lines]

    def wait(self, count: int, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """What came, once it is this much."""
        deadline = time.monotonic() + seconds
        while len(found := self.claims()) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} events came"
            time.sleep(0.01)
        return found


@contextmanager
def receiving(issuer: str, folder: Path, failures: int = 0) -> Iterator[Receiver]:
    """A receiver while the context lasts."""
    file = folder / "taken"
    command = [sys.executable, RECEIVER, issuer, file, str(failures)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        port = process.stdout.readline().strip()
        yield Receiver(f"http://127.0.0.1:{port}/events", file)
        process.stdin.close()


@pytest.fixture
def registry(registry_url, tmp_path) -> Iterator[Registry]:
    found = Registry(registry_url, tmp_path / "data")
    token = found.start()
    people = found.people
    trust = {"type": "oidc", "issuer": people.url, "audiences": [people.audience], "algorithms": ["ES256"]}
    body = {
        "trust_issuer": {"name": "people", **trust, "jwks": people.jwks()},
        "workload_bindings": [
            {"name": "alice", "role": "security-admin", "trust_issuer": "people", "oidc": {"subject": "00u1alice"}}
        ],
    }
    bearer = {"authorization": f"Bearer {token}"}
    httpx.post(f"{found.url}/v1/bootstrap", json=body, headers=bearer, timeout=PATIENCE).raise_for_status()
    found.call("PUT", "/v1/owners/alice", {"display_name": "A", "email": "alice@example.com", "team": "shop"})
    for name in ("triage", "digest"):
        found.call("PUT", f"/v1/agents/{name}", {"owner": "alice", "review_by": "2027-06-01"})
    yield found
    found.stop()
