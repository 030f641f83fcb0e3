"""What every route of the control plane leans on: the store, the clock, who is calling, and whether they may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from leasehold.authn.agent_tokens import ActingAgent
from leasehold.authn.possession import Known, Presented
from leasehold.credentials.ports import Store as CredentialStore
from leasehold.credentials.records import CredentialRequest, Issued
from leasehold.decisions.current import Current
from leasehold.decisions.ports import Store as DecisionStore
from leasehold.decisions.ports import Vault
from leasehold.exchange.simulation import SimulationReport
from leasehold.model.errors import Unauthenticated, Unavailable
from leasehold.model.possession import Possession, Unproven
from leasehold.model.principal import Principal
from leasehold.model.receipts import Presented as PresentedReceipt
from leasehold.model.tokens import UnverifiedToken
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction
from leasehold.registry.authorize import authorize
from leasehold.registry.policies import NoPolicies
from leasehold.registry.ports import Observer, PolicyChecker, Store
from leasehold.registry.ports import Receipts as HeldTo
from leasehold.registry.receipts import Unheld
from leasehold.review.gate.receipts import Receipts
from leasehold.review.reviews import Reviews
from leasehold.trail.contents import Contents
from leasehold.trail.exports import Exports
from leasehold.trail.ports import CheckpointSigner
from leasehold.trail.ports import Store as TrailStore
from leasehold.web.presenting import presented


class Authenticator(Protocol):
    """Credential in, principal out. Raises `Unauthenticated`, whatever is wrong with it; `Unavailable`."""

    def authenticate(self, token: str, now: datetime, key: str | None = None, /) -> Principal: ...


class Admission(Protocol):
    """Checks the proof that a token comes with. Raises `Unproven`."""

    def prove(self, sent: Presented, now: datetime) -> Possession | None: ...
    def admit(
        self, sent: Presented, now: datetime, authenticate: Callable[[str, datetime, str | None], Known]
    ) -> Known: ...


class TrailSealer(Protocol):
    """Seals what is committed, and signs for it. Raises `Unavailable`."""

    @property
    def signer(self) -> CheckpointSigner: ...
    def catch_up(self) -> int: ...


class BearersAlone:
    """Stands where nobody checks proofs: who sends one is refused."""

    @staticmethod
    def prove(sent: Presented, _now: datetime) -> Possession | None:
        """Nothing is proved. Raises `Unproven`."""
        if sent.proof is not None:
            raise Unproven("proofs are not taken here")
        return None

    def admit(
        self, sent: Presented, now: datetime, authenticate: Callable[[str, datetime, str | None], Known]
    ) -> Known:
        """Who presents a bearer token. Raises `Unproven`."""
        self.prove(sent, now)
        return authenticate(sent.token, now, None)


class Simulator(Protocol):
    """Says what a token would get. Raises `Unavailable`."""

    async def simulate(
        self, permit: Permit, unverified_token: UnverifiedToken, now: datetime, /
    ) -> SimulationReport: ...


class NoTokenService:
    """Stands where a control plane runs without the token service."""

    async def simulate(
        self, _permit: Permit, _unverified_token: UnverifiedToken, _now: datetime, /
    ) -> SimulationReport:
        """Raises `Unavailable`."""
        raise Unavailable("this control plane has no token service beside it")


class Desk(Protocol):
    """Hands credentials of other systems out. Raises what `credentials` says."""

    async def issue(self, request: CredentialRequest) -> Issued: ...


class AgentAuthenticator(Protocol):
    """An agent's own token in, the agent out. Raises `Unauthenticated`, whatever is wrong with it; `Unavailable`."""

    def authenticate(self, token: str, now: datetime, key: str | None = None, /) -> ActingAgent: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialDoors:
    """Where credentials of other systems are handed out and remembered."""

    desk: Desk
    store: CredentialStore


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionDoors:
    """Where decisions are made and remembered."""

    current: Current
    store: DecisionStore
    vault: Vault
    reader: PolicyChecker


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailDoors:
    """Where the audit trail is read, who seals it, and where it is told to."""

    store: TrailStore
    sealer: TrailSealer
    contents: Contents | None = None
    exports: Exports = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Given to every router. `clock` tells the time, aware UTC; `observer` sees what lies beyond the registry."""

    store: Store
    authenticator: Authenticator
    clock: Callable[[], datetime]
    possessions: Admission = field(default_factory=BearersAlone)
    credentials: CredentialDoors | None = None
    agents: AgentAuthenticator | None = None
    decisions: DecisionDoors | None = None
    simulator: Simulator = field(default_factory=NoTokenService)
    policies: PolicyChecker = field(default_factory=NoPolicies)
    reviews: Reviews | None = None
    observer: Observer | None = None
    receipts: Receipts | None = None
    trail: TrailDoors | None = None

    def held_to(self, presented_receipt: PresentedReceipt | None, now: datetime) -> HeldTo:
        """What the writes of one request are held to."""
        return self.receipts.gate(presented_receipt, now) if self.receipts is not None else Unheld()

    async def caller(self, request: Request) -> Principal:
        """Who is calling, found out once per request. Raises `Unauthenticated`."""
        if not hasattr(request.state, "caller"):
            authenticate, sent = self.authenticator.authenticate, presented(request.scope)
            request.state.caller = await run_in_threadpool(self.possessions.admit, sent, self.clock(), authenticate)
        caller: Principal = request.state.caller
        return caller

    async def agent(self, request: Request) -> ActingAgent | None:
        """The agent that is calling with a token of its own; None for a platform principal, or nobody."""
        if self.agents is None:
            return None
        try:
            authenticate, sent = self.agents.authenticate, presented(request.scope)
            return await run_in_threadpool(self.possessions.admit, sent, self.clock(), authenticate)
        except Unauthenticated:
            return None  # `caller` tells which

    async def permit(self, principal: Principal, action: PlatformAction, kind: str, name: str) -> Permit:
        """The permit to go on. Raises `Forbidden`; a denied write is audited."""
        return await run_in_threadpool(authorize, self.store, principal, action, kind, name, self.clock())
