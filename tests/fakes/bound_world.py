"""Every door that takes a token of ours, with tokens that are bound to a key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from tests.fakes.client_keys import TOKEN_URL, ClientKey
from tests.fakes.exchange_world import EXCHANGE, ISSUER, JWT, REGISTRY_AUDIENCE, Reply
from tests.fakes.signal_world import SignalWorld

from leasehold.authn.agent_tokens import AgentCallers
from leasehold.decisions.answering import Answering
from leasehold.decisions.current import Current
from leasehold.decisions.metadata import METADATA_TYPE
from leasehold.decisions.recording import Recorder
from leasehold.feed.feed import Feed
from leasehold.feed.readers import Readers
from leasehold.keys.content_cipher import ContentCipher
from leasehold.keys.nonces import Nonces
from leasehold.keys.signing import TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.model.revocations import BATCH_TYPE, SNAPSHOT_TYPE
from leasehold.policy.cedar.engines import engine_named
from leasehold.trail.contents import Contents
from leasehold.web.access.app import AccessDoors, access_app
from leasehold.web.access.callers import Callers
from leasehold.web.access.metadata import Metadata
from leasehold.web.access.search import Searches
from leasehold.web.control_plane import control_plane
from leasehold.web.dispatch import dispatch
from leasehold.web.doors import Doors
from leasehold.web.revocations.app import RevocationDoors, revocations_app

KEY, OTHER = ClientKey(), ClientKey()
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}
SENT = {
    "/oauth2/introspect": (FORM, urlencode({"token": "whatever"}).encode()),
    "/access/v1/evaluation": (
        JSON,
        b'{"subject":{"type":"agent","id":"a"},"action":{"name":"x"},"resource":{"type":"r","id":"i"}}',
    ),
}
"""What a door wants to hear, by its path."""
DOORS = [
    ("GET", "/v1/whoami"),
    ("GET", "/v1/snapshot"),
    ("GET", "/v1/agents/triage"),
    ("POST", "/oauth2/introspect"),
    ("GET", "/v1/consents?user=user:people/x"),
    ("GET", "/revocations"),
    ("GET", "/ssf/streams"),
    ("POST", "/access/v1/evaluation"),
]
"""Where a registry token opens something."""


class _Now:
    """A part of the world that is knocked at now: one control plane serves them all, since building it takes long."""

    world: ClassVar[BoundWorld]

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(_Now.world, self._part), name)


_CONTROL = control_plane(
    Doors(
        store=_Now("store"),
        authenticator=_Now("callers"),
        possessions=_Now("possessions"),
        clock=lambda: _Now.world.now,
        agents=_Now("agents"),
    )
)


class BoundWorld(SignalWorld):
    """A whole server in memory."""

    def __init__(self, store: Any, folder: Path, nonces: Nonces | None = None) -> None:
        super().__init__(store, folder, nonces)
        self.nonce: str | None = None
        clock = lambda: self.now  # noqa: E731  shared by all doors
        feed = Feed(
            issuer=ISSUER,
            store=self.store._store,
            batches=TokenMint(self.signer, BATCH_TYPE),
            snapshots=TokenMint(self.signer, SNAPSHOT_TYPE),
            clock=clock,
        )
        readers = Readers(self.callers)
        self.agents = AgentCallers(issuer=ISSUER, verifier=OwnTokens(self.signer), leases=self.store)
        revocations = RevocationDoors(feed=feed, readers=readers, possessions=self.possessions, clock=clock)
        hot = {"/oauth2/": self.app, "/.well-known/": self.app, "/v1/consents": self.app, "/ssf/": self.app}
        hot |= {"/revocations": revocations_app(revocations), "/access/v1/": self._access()}
        self.app = dispatch(self._control, hot)

    def _access(self) -> Any:
        """A decision point that follows nothing, and so denies: enough to be let in or not."""
        clock = lambda: self.now  # noqa: E731
        current = Current(self.store, engine_named("compiled"), clock)
        self.recorder = Recorder(self.store, Contents(self.store, ContentCipher(self.sealer), clock))
        return access_app(
            AccessDoors(
                issuer=ISSUER,
                callers=Callers(self.callers, self.possessions, clock),
                answering=Answering(current, self.recorder, clock),
                searches=Searches(current, clock),
                metadata=Metadata(ISSUER, TokenMint(self.signer, METADATA_TYPE), clock),
                clock=clock,
            )
        )

    def close(self) -> None:
        self.recorder.close()
        super().close()

    async def _control(self, scope: Any, receive: Any, send: Any) -> None:
        _Now.world = self
        await _CONTROL(scope, receive, send)

    def proof(self, method: str, path: str, token: str, key: ClientKey = KEY, **changes: Any) -> str:
        nonce = {"nonce": self.nonce} if self.nonce is not None else {}
        given = {"url": ISSUER + path.partition("?")[0], "method": method, "token": token, **nonce, **changes}
        return key.proof(self.now, **given)

    def bound(self, resource: str = REGISTRY_AUDIENCE, key: ClientKey = KEY) -> str:
        """A token that is bound to a key: of the registry, or of the agent for a tool server."""
        subject = self.people.token() if resource == REGISTRY_AUDIENCE else self.pod_token()
        nonce = {"nonce": self.nonce} if self.nonce is not None else {}
        headers = {"dpop": key.proof(self.now, url=TOKEN_URL, **nonce)}
        fields = {"grant_type": EXCHANGE, "subject_token_type": JWT, "resource": resource}
        reply = self.form("/oauth2/token", headers, subject_token=subject, **fields)
        assert reply.json["token_type"] == "DPoP", reply.json
        return reply.json["access_token"]

    def knock(self, method: str, path: str, headers: Mapping[str, str]) -> Reply:
        type_, body = SENT.get(path, ({}, b""))
        return self.call(method, path, body, {**type_, **headers})

    def with_proof(self, method: str, path: str, token: str, proof: str | None = None) -> Reply:
        sent = self.proof(method, path, token) if proof is None else proof
        return self.knock(method, path, {"authorization": f"DPoP {token}", "dpop": sent})
