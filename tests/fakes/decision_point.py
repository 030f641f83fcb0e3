"""A registry with its decision point, spoken to through both doors without a socket; it looks before each question."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.registry import RegistryClient, furnished

from leasehold.decisions.answering import Answering
from leasehold.decisions.checking import PublishablePolicies
from leasehold.decisions.current import Current
from leasehold.decisions.metadata import METADATA_TYPE
from leasehold.decisions.recording import Recorder
from leasehold.decisions.recounting import Recollection
from leasehold.keys.content_cipher import ContentCipher
from leasehold.keys.file_keys import FileKeys
from leasehold.keys.sealing import FileSealer
from leasehold.keys.signing import TokenMint
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.checking import CedarDocuments
from leasehold.review.gate.rules import USUAL
from leasehold.review.reviews import Reviews
from leasehold.trail.contents import Contents
from leasehold.web.access.app import AccessDoors, access_app
from leasehold.web.access.callers import Callers
from leasehold.web.access.metadata import Metadata
from leasehold.web.access.search import Searches
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import BearersAlone, DecisionDoors, Doors

ISSUER = "https://pdp.example.com"


class DecisionWorld:
    """`registry` is spoken to as usual; `ask` asks AuthZEN, `call` the control plane with its decision point."""

    def __init__(self, folder: Path, registry: RegistryClient | None = None, engine: str = "shadow") -> None:
        self.registry = registry if registry is not None else furnished()
        self.disagreed: list[tuple[str, ...]] = []
        self.current = Current(self.store, engine_named(engine, self.disagreed.append), lambda: self.registry.now)
        self.sealer = FileSealer(folder / "sealing.key")
        self.vault = Contents(self.store, ContentCipher(self.sealer), lambda: self.registry.now)
        self.looks = True
        self.signer = FileKeys(folder / "keys", self.registry.now)
        self.recorder = Recorder(self.store, self.vault)
        self._callers = Callers(FakeAuthenticator(), BearersAlone(), lambda: self.registry.now)
        self.answering = Answering(self.current, self.recorder, lambda: self.registry.now)
        self.access = self.serving()
        self.rules = USUAL
        self.recollection = Recollection(self.store, self.vault)
        self.sealed = DecisionDoors(current=self.current, store=self.store, vault=self.vault, reader=CedarDocuments())

    def serving(self, requests: str = "") -> Any:
        """AuthZEN's endpoints, with somebody who takes access requests if one is named."""
        clock = lambda: self.registry.now  # noqa: E731
        return access_app(
            AccessDoors(
                issuer=ISSUER,
                callers=self._callers,
                answering=self.answering,
                searches=Searches(self.current, clock),
                metadata=Metadata(ISSUER, TokenMint(self.signer, METADATA_TYPE), clock, requests),
                clock=clock,
                requests=requests,
            )
        )

    @cached_property
    def control(self) -> Any:
        """Built when it is first asked: that costs more than most tests."""
        return control_plane(
            Doors(
                store=self.store,
                authenticator=FakeAuthenticator(),
                clock=lambda: self.registry.now,
                policies=PublishablePolicies(CedarDocuments(), self.current),
                decisions=self.sealed,
                reviews=Reviews(self.store, rules=self.rules, recollection=self.recollection),
            )
        )

    @property
    def store(self) -> Any:
        return self.registry.store

    def close(self) -> None:
        self.recorder.close()
        assert self.disagreed == []

    def ask(self, path: str, body: object = None, caller: str | None = "pep", **request: Any) -> httpx.Response:
        """POST to the AuthZEN door."""
        sent = {"json": body} if body is not None else {}
        return self.send("POST", f"/access/v1/{path}", caller, app=self.access, **{**sent, **request})

    def decide(self, **question: Any) -> dict[str, Any]:
        answer = self.ask("evaluation", question)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def call(self, method: str, path: str, caller: str | None = "admin", **request: Any) -> httpx.Response:
        """Speak to the control plane."""
        return self.send(method, path, caller, app=self.control, **request)

    def must(self, kind: str, name: str, body: object) -> dict[str, Any]:
        answer = self.call("PUT", f"/v1/{kind}/{name}", json=body, headers={"If-None-Match": "*"})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def later(self, seconds: float) -> None:
        self.registry.now += timedelta(seconds=seconds)

    def send(self, method: str, path: str, caller: str | None, *, app: Any, **request: Any) -> httpx.Response:
        if self.looks:
            self.current.look()
        headers = {"Authorization": f"Bearer {caller}"} if caller is not None else {}
        headers |= request.pop("headers", {})

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as client:
                return await client.request(method, path, headers=headers, **request)

        return asyncio.run(run())


def call(tool: str, resource: str = "repo:web", agent: str = "triage", **more: Any) -> dict[str, Any]:
    """The question of an agent's tool call."""
    type_, _, id_ = resource.partition(":")
    question: dict[str, Any] = {
        "subject": {"type": "agent", "id": agent},
        "action": {"name": f"github/{tool}"},
        "resource": {"type": type_, "id": id_},
    }
    arguments = more.pop("arguments", None)
    if arguments is not None:
        question["action"]["properties"] = {"arguments": arguments}
    return {**question, **more}
