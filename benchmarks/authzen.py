"""One AuthZEN evaluation over HTTP, one client whose connection stays open, against npm's `cerbos` in the same run.

Both servers listen on this machine, and are asked in turns, a few hundred questions each. Ours verifies the caller's
token, decides on what the registry holds, and records the decision with its sealed question; Cerbos knows its callers
by nothing and records nothing. Besides: how long from the answer to a write of a policy until it is enforced, and who
can call a tool among 100,000 agents.

Cerbos is used where npm can install it (`LEASEHOLD_CERBOS` names a binary that is there already).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.fakes.registry import AGENT, GRANT, OWNER, SERVER, name_of_grant
from tests.fakes.registry_http import LiveRegistry, live_registry

from benchmarks.figure import Figure
from leasehold.model.access import Reach
from leasehold.model.entities import Entity, EntityRef
from leasehold.model.policies import PolicySide
from leasehold.model.tools import Action
from leasehold.policy.holdings import HeldReach
from leasehold.policy.material import CallableTool, PolicyText, facts_of
from leasehold.policy.publishing import publish
from leasehold.policy.surveying import who_can

ROUNDS, EACH, WARM_UP = 8, 400, 400
PUBLICATIONS = 30
AGENTS = 100_000
_VERSION = "0.51.0"
_WANTED = 2
_PATH = "/access/v1/evaluation"
_CONF = """\
server: {{ httpListenAddr: "127.0.0.1:{http}", grpcListenAddr: "127.0.0.1:{grpc}" }}
telemetry: {{ disabled: true }}
storage: {{ driver: disk, disk: {{ directory: "{policies}" }} }}
"""
_POLICY = """\
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: repo
  rules:
    - actions: ["github/read_file"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition: { match: { expr: 'request.principal.id == "triage" && request.resource.id == "web"' } }
"""
_QUESTION = {
    "subject": {"type": "agent", "id": "triage"},
    "action": {"name": "github/read_file"},
    "resource": {"type": "repo", "id": "web"},
}
_FOR_CERBOS = {
    **_QUESTION,
    "subject": {"type": "agent", "id": "triage", "properties": {"cerbos.roles": ["agent"]}},
}
_STOP = {"document": 'forbid(principal, action == Action::"github/read_file", resource);', "side": "agent"}


class Client:
    """One connection, kept open."""

    def __init__(self, port: int, question: object, token: str = "") -> None:
        body = json.dumps(question).encode()
        bearer = f"authorization: Bearer {token}\r\n" if token else ""
        head = f"POST {_PATH} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{bearer}content-type: application/json\r\n"
        self._request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> bytes:
        """The body of one answer."""
        self._socket.sendall(self._request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._socket.recv(65_536)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), answer
        lines = head.lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length"))
        while len(body) < length:
            body += self._socket.recv(65_536)
        return body

    def allowed(self) -> bool:
        """The decision."""
        return bool(json.loads(self.ask())["decision"])

    def seconds(self, count: int) -> list[float]:
        """How long each of so many questions took."""
        found = []
        for _ in range(count):
            began = time.perf_counter()
            self.ask()
            found.append(time.perf_counter() - began)
        return found


def figures() -> Iterator[Figure]:
    """Over HTTP, from write to enforcement, and the reverse question."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "registry").mkdir()
        with live_registry(folder / "registry") as registry:
            _furnish(registry)
            yield from _over_http(registry, folder)
            yield from _published(registry)
    yield from _reversed()


def _over_http(registry: LiveRegistry, folder: Path) -> Iterator[Figure]:
    ours = Client(registry.door.upstream, _QUESTION, registry.token("pep"))
    _until(ours, allowed=True)
    with _cerbos(folder) as port:
        theirs = Client(port, _FOR_CERBOS) if port else None
        sides = [ours, *([theirs] if theirs is not None else [])]
        for side in sides:
            assert side.allowed()
            side.seconds(WARM_UP)
        took: list[list[float]] = [[] for _ in sides]
        for _ in range(ROUNDS):
            for side, seconds in zip(sides, took, strict=True):
                seconds.extend(side.seconds(EACH))
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        mine, *others = (sorted(seconds)[int(len(seconds) * share)] * 1e6 for seconds in took)
        other = others[0] if others else None
        versus = other if other is not None else "cerbos could not be installed"
        yield Figure(f"authzen_http_{name}_us", mine, "us", versus=versus, ratio=mine / other if other else None)


def _published(registry: LiveRegistry) -> Iterator[Figure]:
    client = Client(registry.door.upstream, _QUESTION, registry.token("pep"))
    registry.create("policies", "stop", {**_STOP, "mode": "log_only"})
    took = []
    for at in range(PUBLICATIONS):
        enforced = at % 2 == 0
        registry.change("policies", "stop", mode="enforce" if enforced else "log_only")
        began = time.perf_counter()
        _until(client, allowed=not enforced)
        took.append(time.perf_counter() - began)
    yield Figure("policy_published_to_enforced_p50_ms", statistics.median(took) * 1000, "ms")
    yield Figure("policy_published_to_enforced_max_ms", max(took) * 1000, "ms")


def _reversed() -> Iterator[Figure]:
    tools = ("read_file", "create_issue", "delete_branch")
    agents = [EntityRef("agent", f"agent{number}") for number in range(AGENTS)]
    held = [
        HeldReach(holder=agent, reach=Reach("github", tools[number % 3], f"repo:r{number % 50}"), name=f"g{number}")
        for number, agent in enumerate(agents)
    ]
    facts = facts_of(
        entities=(Entity(ref=agent) for agent in agents),
        tools=[CallableTool(server="github", name=tool, action=Action.WRITE) for tool in tools],
        grants=held,
    )
    office = 'unless { context has source_ip && context.source_ip.isInRange(ip("10.0.0.0/8")) }'
    guard = f"forbid(principal, action, resource) {office};"
    published = publish([PolicyText(name="guard", document=guard, side=PolicySide.AGENT)], facts)
    now, took = datetime.now(UTC), []
    for _ in range(5):
        began = time.perf_counter()
        found = sum(1 for _ in who_can(f"github/{tools[_WANTED]}", published, now, f"repo:r{_WANTED}"))
        took.append(time.perf_counter() - began)
    assert found == sum(1 for number in range(AGENTS) if number % 3 == number % 50 == _WANTED)
    yield Figure("who_can_100k_agents_ms", statistics.median(took) * 1000, "ms")


def _furnish(registry: LiveRegistry) -> None:
    pep = {"trust_issuer": "idp", "role": "enforcer", "oidc": {"subject": "pep"}}
    registry.create("workload-bindings", "role-pep", pep)
    registry.create("owners", "alice", OWNER)
    registry.create("agents", "triage", AGENT)
    registry.create("tool-servers", "github", SERVER)
    registry.create("grants", name_of_grant(GRANT), GRANT)


def _until(client: Client, *, allowed: bool) -> None:
    deadline = time.monotonic() + 10
    while client.allowed() is not allowed:
        assert time.monotonic() < deadline


@contextmanager
def _cerbos(folder: Path) -> Iterator[int]:
    binary = os.environ.get("LEASEHOLD_CERBOS") or _installed(folder)
    if binary is None:
        yield 0
        return
    policies = folder / "policies"
    policies.mkdir()
    (policies / "repo.yaml").write_text(_POLICY)
    http, grpc = _free_port(), _free_port()
    (folder / "conf.yaml").write_text(_CONF.format(http=http, grpc=grpc, policies=policies))
    command = [binary, "server", f"--config={folder / 'conf.yaml'}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(http)
        yield http
    finally:
        process.terminate()
        process.wait()


def _installed(folder: Path) -> str | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    command = [npm, "install", "--no-audit", "--no-fund", "--silent", f"cerbos@{_VERSION}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300, check=False)
    found = sorted(folder.glob("node_modules/@cerbos/cerbos-*/cerbos-*")) if done.returncode == 0 else []
    return str(found[0]) if found else None


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("cerbos does not listen")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
