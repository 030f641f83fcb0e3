"""A registry behind its real HTTP door, without a socket: any store, a clock that stands, people known by name."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.running import run

from leasehold.credentials.records import CredentialRequest, Issued
from leasehold.keys.content_cipher import ContentCipher
from leasehold.keys.file_keys import FileKeys
from leasehold.keys.sealing import FileSealer
from leasehold.keys.signing import TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.keys.trail_keys import TrailKey
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.errors import Unavailable
from leasehold.model.grants import grant_id
from leasehold.model.receipts import RECEIPT_TYPE
from leasehold.policy.checking import CedarDocuments
from leasehold.registry.ports import Store, UnitOfWork
from leasehold.review.gate.receipts import Receipts
from leasehold.review.gate.rules import Rules
from leasehold.review.reviews import Reviews
from leasehold.store.memory.store import MemoryState, MemoryStore
from leasehold.trail.contents import Contents
from leasehold.trail.sealing import Sealer
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import CredentialDoors, Doors, TrailDoors

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
READ = "triage/github.read_file@repo:web"
DELETE = "triage/github.delete_branch@repo:web"
OWNER = {"display_name": "Alice Ahlström", "email": "alice@example.com", "team": "payments"}
AGENT = {"owner": "alice", "review_by": "2027-05-01"}
SERVER = {
    "url": "https://mcp.example.com/github",
    "tools": {
        "read_file": {"action": "read"},
        "create_issue": {"action": "write"},
        "delete_branch": {"action": "delete"},
    },
}
ISSUER = {"type": "oidc", "issuer": "https://idp.example.com", "audiences": ["leasehold"]}
ROLE_BINDING = {"trust_issuer": "idp", "role": "viewer", "oidc": {"subject": "victor"}}
AGENT_BINDING = {"trust_issuer": "idp", "agent": "triage", "oidc": {"subject": "pod"}}
PIN = {
    "surface": '{"instructions":"","tools":{"read_file":{"description":"Reads a file."}}}',
    "justification": "read over",
}
SCOPE = {"tool_server": "github", "tools": ["read_file", "create_issue"], "resources": ["repo:web", "repo:api"]}
WIDE = {
    "tool_server": "github",
    "tools": ["*"],
    "resources": ["repo:*"],
    "allow_wildcard": True,
    "justification": "all",
}
CEILING = {"principal": "organization", "scopes": ["everything"]}
GRANT = {"agent": "triage", "tool_server": "github", "tools": ["read_file"], "resources": ["repo:web"]}
DELETE_GRANT = {**GRANT, "tools": ["delete_branch"]}
GUARD = 'forbid(principal, action == Action::"github/delete_branch", resource);'
POLICY = {"document": GUARD, "side": "agent"}
USER = {"ids": ["CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs"], "roles": ["editor"]}
THING = {"type": "document", "foreign_id": "42", "attributes": {"label": "public", "pages": 3, "draft": False}}
EXCEPTION = {"fingerprint": f"sha256:{'a' * 64}", "reason": "known", "expires_at": "2026-11-29T00:00:00Z"}
RELATION = {"subject": "user:alice", "relation": "owner", "object": "document:42"}
OWNS = "document:42#owner@user:alice"
DEPLOYMENT = {"agent": "triage", "commit": "c0ffee"}


def name_of_grant(spec: dict[str, Any]) -> str:
    """The name that a grant's body must go under."""
    tools, resources = frozenset(spec.get("tools", ())), frozenset(spec.get("resources", ()))
    target = spec.get("scope") or spec["tool_server"]
    constraints = {name: _constraint(one) for name, one in spec.get("constraints", {}).items()}
    return grant_id(spec["agent"], target, tools, resources, constraints)


def _constraint(plain: dict[str, Any]) -> ArgumentConstraint:
    sets = {name: frozenset(value) for name, value in plain.items() if isinstance(value, list)}
    return ArgumentConstraint(**{**plain, **sets})


class _Current:
    """The registry that is spoken to now: building the application costs more than most tests."""

    store: Store
    now: datetime

    def begin(self) -> AbstractContextManager[UnitOfWork]:
        return self.store.begin()

    def read(self) -> AbstractContextManager[UnitOfWork]:
        return self.store.read()


_CURRENT = _Current()
_FOLDER = Path(tempfile.mkdtemp())
CONTENTS = Contents(_CURRENT, ContentCipher(FileSealer(_FOLDER / "sealing.key")), lambda: _CURRENT.now)
_KEY = TrailKey(_FOLDER / "audit.key", "registry.example/audit")


class _NobodyMints:
    async def issue(self, request: CredentialRequest) -> Issued:  # noqa: ARG002  the port's words
        raise Unavailable("this registry hands out no credentials")


HELD = Rules(receipts=("held",))  # what stack `held` writes needs the receipt of a reviewed plan
_SIGNER = FileKeys(_FOLDER / "keys", NOW)
_RECEIPTS = Receipts(
    issuer="https://registry.example",
    mint=TokenMint(_SIGNER, RECEIPT_TYPE),
    verifier=OwnTokens(_SIGNER),
    rules=HELD,
    draw=lambda: secrets.token_hex(16),
)
APP = control_plane(
    Doors(
        store=_CURRENT,
        authenticator=FakeAuthenticator(),
        clock=lambda: _CURRENT.now,
        credentials=CredentialDoors(desk=_NobodyMints(), store=_CURRENT),
        policies=CedarDocuments(),
        receipts=_RECEIPTS,
        reviews=Reviews(_CURRENT, rules=HELD),
        trail=TrailDoors(
            store=_CURRENT,
            sealer=Sealer(_CURRENT, _KEY, lambda: _CURRENT.now),
            contents=CONTENTS,
            exports={"siem": "syslog+tls://siem.example:6514?format=cef"},
        ),
    )
)


class RegistryClient:
    """Speaks HTTP to a registry. `now` can be set; `caller` is who speaks unless a call says otherwise."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store if store is not None else MemoryStore()
        self.now = NOW
        self.caller = "admin"

    def send(self, method: str, path: str, caller: str | None = None, **request: Any) -> httpx.Response:
        who = caller if caller is not None else self.caller
        headers = {"Authorization": f"Bearer {who}", **request.pop("headers", {})}
        return self.anonymous(method, path, headers=headers, **request)

    def anonymous(self, method: str, path: str, **request: Any) -> httpx.Response:
        return run(self._send, method, path, **request)

    def turn_to(self) -> None:
        """From now on this is the registry that is spoken to, and whose contents `CONTENTS` shuts away."""
        _CURRENT.store, _CURRENT.now = self.store, self.now

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        self.turn_to()
        transport = httpx.ASGITransport(app=APP)
        async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client:
            return await client.request(method, path, **request)

    def create(self, kind: str, name: str, body: object, caller: str | None = None) -> httpx.Response:
        return self.send("PUT", path(kind, name), caller, json=body, headers={"If-None-Match": "*"})

    def change(self, kind: str, name: str, body: object, revision: int, caller: str | None = None) -> httpx.Response:
        return self.send("PUT", path(kind, name), caller, json=body, headers={"If-Match": f'"{revision}"'})

    def delete(self, kind: str, name: str, revision: int, caller: str | None = None) -> httpx.Response:
        return self.send("DELETE", path(kind, name), caller, headers={"If-Match": f'"{revision}"'})

    def get(self, kind: str, name: str, caller: str | None = None) -> httpx.Response:
        return self.send("GET", path(kind, name), caller)

    def must(self, kind: str, name: str, body: object, caller: str | None = None) -> dict[str, Any]:
        answer = self.create(kind, name, body, caller)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def grant(self, spec: dict[str, Any], caller: str | None = None) -> dict[str, Any]:
        return self.must("grants", name_of_grant(spec), spec, caller)

    def generation(self, node: str) -> int:
        with self.store.read() as unit:
            return unit.nodes.generations((node,)).get(node, 0)

    def audit(self) -> list[dict[str, Any]]:
        return self.send("GET", "/v1/audit/events", "auditor", params={"limit": 1000}).json()["items"]

    def changes(self) -> list[Any]:
        with self.store.read() as unit:
            return list(unit.changes.since(0, 10_000))


def path(kind: str, name: str) -> str:
    """The path of an object: the name percent-encoded as one segment."""
    return f"/v1/{kind}/{quote(name, safe='')}"


def furnished(store: Store | None = None) -> RegistryClient:
    """A registry with an owner, an agent, a tool server, a scope of all of it and a ceiling that covers it."""
    if store is not None:
        return _furnish(RegistryClient(store))
    memory = MemoryStore()
    memory._state = _furniture()
    client = RegistryClient(memory)
    client.turn_to()
    return client


@cache
def _furniture() -> MemoryState:
    """What is in memory then: a transaction writes to a copy, so that all may begin with this one."""
    memory = MemoryStore()
    _furnish(RegistryClient(memory))
    return memory._state


def _furnish(client: RegistryClient) -> RegistryClient:
    client.must("owners", "alice", OWNER)
    client.must("agents", "triage", AGENT)
    client.must("tool-servers", "github", SERVER)
    client.must("scopes", "everything", WIDE)
    client.must("ceilings", "org", CEILING)
    client.must("trust-issuers", "idp", ISSUER)
    return client
