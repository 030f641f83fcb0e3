"""A token service in memory that trusts every kind of issuer, and binds one subject of each."""

from collections.abc import Iterator

import pytest
from tests.fakes.exchange_world import REGISTRY_AUDIENCE, World, signing_key, world_on
from tests.fakes.simulated_issuer import VECTORS, SimulatedIssuer

from leasehold.model.kinds import Kind
from leasehold.model.principal import Role
from leasehold.model.subjects import IssuerType, Subject
from leasehold.model.trust import WorkloadBinding
from leasehold.store.memory.store import MemoryStore


class IssuerWorld:
    """A world with one issuer of a kind, bound to an agent and to a platform role by the same pins."""

    def __init__(self, world: World, kind: str) -> None:
        self.world, self.kind, self.vector = world, IssuerType(kind), VECTORS[kind]
        key = signing_key(f"vector-{kind}", self.vector["algorithm"])
        self.issuer = SimulatedIssuer.of(kind, clock=lambda: world.now, keys=[key])
        if kind == IssuerType.AWS:  # IAM knows the role of the vector, and of which no token tells
            pins = self.vector["pins"]
            world.roles.make(pins["role_arn"], unique_id=pins["unique_id"])
        self.trust()
        self.bind()

    def trust(self, **options: object) -> None:
        for name in ("triage-pods", "ci-shop", "alice"):  # one `iss` is one trust issuer
            self.world.delete(Kind.WORKLOAD_BINDINGS, name)
        for name in ("cluster", "github", "people"):
            self.world.delete(Kind.TRUST_ISSUERS, name)
        options.setdefault("algorithms", frozenset({self.vector["algorithm"]}))
        self.world.trust("bound", self.issuer, self.kind, **options)

    def bind(self, **more: object) -> None:
        pins = {self.kind.field: pins_of(self.kind, self.vector["pins"])}
        self.world.bind("bound-agent", trust_issuer="bound", agent="triage", **pins, **more)
        self.world.bind("bound-role", trust_issuer="bound", role=Role.VIEWER, **pins, **more)

    def agent_token(self, changes: dict[str, object]) -> str:
        return self.world.get(self.issuer.altered(changes)).access_token

    def scopes(self, changes: dict[str, object]) -> frozenset[str]:
        return self.world.get(self.issuer.altered(changes), REGISTRY_AUDIENCE).lease.scopes


def pins_of(kind: IssuerType, pins: dict[str, str]) -> Subject:
    """The dataclass of a kind's pins."""
    hint = WorkloadBinding.__annotations__[kind.field].partition(" | ")[0]
    return getattr(__import__("leasehold.model.subjects", fromlist=[hint]), hint)(**pins)


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """One agent, one grant, on a store in memory."""
    with world_on(MemoryStore(), tmp_path) as world:
        yield world
