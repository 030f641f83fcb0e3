"""An exchange world that also hands out credentials, with sources of the test's choice and the worker in its hands."""

import asyncio
from concurrent.futures import wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.fakes.exchange_world import CREDENTIALS as AUDIENCE
from tests.fakes.exchange_world import ISSUER, World

from leasehold.credentials.ending import Endings
from leasehold.credentials.issuing import CredentialDesk
from leasehold.credentials.records import CredentialRequest, Issued
from leasehold.keys.sealing import FileSealer
from leasehold.keys.tokens import OwnTokens
from leasehold.model.credentials import CredentialProfile, Federation, GitHubAccess, GitHubInstallation, PostgresqlLogin
from leasehold.model.external import ExternalCredential, Minted, StillLive
from leasehold.model.kinds import Kind
from leasehold.model.leases import profile_node
from leasehold.model.people import Agent

LOGIN = CredentialProfile(
    agents=frozenset({"triage"}), postgresql=PostgresqlLogin(dsn="orders", roles=frozenset({"r"}))
)
TOKEN = CredentialProfile(
    agents=frozenset({"triage"}),
    github_app=GitHubInstallation(
        app_id="1",
        installation_id="2",
        repositories=frozenset({"web"}),
        permissions={"contents": GitHubAccess.READ},
        private_key="app",
    ),
)
FEDERATION = CredentialProfile(agents=frozenset({"triage"}), federation=Federation(audience="https://vault.example"))


@dataclass
class FakeSource:
    """Another system in memory. `during` runs while a credential is being minted; `fails` stands in for the network."""

    alive: dict[str, str] = field(default_factory=dict)
    kills: list[tuple[str, str | None]] = field(default_factory=list)
    during: Any = None
    mint_fails: Exception | None = None
    kill_fails: Exception | None = None
    clear_fails: Exception | None = None

    async def mint(self, order: Any) -> Minted:
        if self.during is not None:
            self.during()
        self.alive[order.reference] = "swordfish"
        if self.mint_fails is not None:
            raise self.mint_fails
        return Minted(secret={"token": "swordfish"}, live_until=order.lease_ends, ends_with="swordfish")

    def kill(self, credential: ExternalCredential, ends_with: str | None) -> None:
        if self.kill_fails is not None:
            raise self.kill_fails
        self.kills.append((credential.reference, ends_with))
        self.alive.pop(credential.reference, None)

    def clear(self, credential: ExternalCredential) -> None:  # noqa: ARG002  the port's words
        if self.clear_fails is not None:
            raise self.clear_fails


class CredentialWorld:
    """`sources` by type of target; the same fake for all of them by default."""

    def __init__(self, store: Any, folder: Path, sources: dict[type, Any] | None = None) -> None:
        self.world = world = World(store, folder)
        world.now = datetime.now(UTC).replace(microsecond=0)
        world.populate()
        self.source = FakeSource()
        self.store = world.store
        given = sources or dict.fromkeys((PostgresqlLogin, GitHubInstallation, Federation), self.source)
        parts: dict[str, Any] = {"store": world.store, "sources": given, "clock": lambda: self.world.now}
        self.sealer = FileSealer(folder / "sealing.key")
        self.endings = Endings(**parts, sealer=self.sealer)
        self.desk = CredentialDesk(
            issuer=ISSUER,
            audience=AUDIENCE,
            verifier=OwnTokens(world.signer),
            sealer=self.sealer,
            ended=self.endings.wake,
            **parts,
        )

    def close(self) -> None:
        self.endings.close()
        self.world.close()

    def agent(self, name: str, **fields: Any) -> None:
        self.world.put(Kind.AGENTS, name, Agent(owner="alice", review_by=self.world.now.date(), **fields))

    def profile(self, name: str, spec: CredentialProfile) -> None:
        """Write a profile as the registry does: its node goes up when it changes."""
        with self.store.read() as unit:
            before = unit.objects.find(Kind.CREDENTIAL_PROFILES, name)
        self.world.put(Kind.CREDENTIAL_PROFILES, name, spec)
        with self.store.begin() as unit:
            unit.nodes.ensure(profile_node(name))
            if before is not None and before.spec != spec:
                unit.nodes.bump(profile_node(name))

    def token(self, **options: Any) -> str:
        return self.world.get(self.world.pod_token(), AUDIENCE, **options).access_token

    def draw(self, profile: str, token: str | None = None, ttl: int | None = None, **options: Any) -> Issued:
        wanted = timedelta(seconds=ttl) if ttl is not None else None
        request = CredentialRequest(bearer=token or self.token(), profile=profile, ttl=wanted, **options)
        return asyncio.run(self.desk.issue(request))

    def look(self) -> None:
        """One round of the worker, to its end."""
        done, waiting = wait(self.endings.look(), timeout=60)
        assert not waiting
        for one in done:
            one.result()

    def records(self) -> list[ExternalCredential]:
        with self.store.read() as unit:
            return list(unit.credentials.list(limit=1000))

    def record(self) -> ExternalCredential:
        (only,) = self.records()
        return only

    def everything_written(self) -> str:
        """All that is remembered, as text, to look for secrets in."""
        return repr((self.records(), self.world.events()))


def still_live(problem: str = "no answer") -> StillLive:
    return StillLive(problem)
