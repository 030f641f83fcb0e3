"""Terraform's side of the protocol without a process: the real handlers of the provider, asked one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.registry import RegistryClient

from leasehold_provider.client import Answer, ConnectionLost
from leasehold_provider.protocol.schema import Nested
from leasehold_provider.protocol.service.changes import ChangeCalls
from leasehold_provider.protocol.service.checks import ValidationCalls
from leasehold_provider.protocol.service.ephemerals import EphemeralCalls
from leasehold_provider.protocol.service.leftovers import Leftovers
from leasehold_provider.protocol.service.listing import ListCalls
from leasehold_provider.protocol.service.reads import ReadCalls
from leasehold_provider.protocol.service.run import Run
from leasehold_provider.provider import LeaseholdProvider
from leasehold_provider.registry import Registry
from leasehold_provider.retry import Retry
from leasehold_provider.session import DevelopmentSession, Session

Values = dict[str, Any]
Fault = Callable[[Callable[[], Answer]], Answer]


class WiredClient:
    """Sends to a registry in this process. `faults` come over the next requests, one each; None lets one pass."""

    def __init__(self, registry: RegistryClient) -> None:
        self.registry = registry
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[bytes | None] = []
        self.faults: list[Fault | None] = []

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 0,  # noqa: ARG002 -- nothing waits here
    ) -> Answer:
        self.requests.append((method, path))
        self.bodies.append(body)

        def deliver() -> Answer:
            bearer = (headers or {})["Authorization"].removeprefix("Bearer ")
            response = self.registry.send(method, path, bearer, headers=dict(headers or {}), content=body)
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)

        fault = self.faults.pop(0) if self.faults else None
        return deliver() if fault is None else fault(deliver)

    def count(self, method: str, start: str = "") -> int:
        return sum(1 for verb, path in self.requests if verb == method and path.startswith(start))

    def close(self) -> None:
        """Nothing is open."""


def answer_lost(deliver: Callable[[], Answer]) -> Answer:
    """The request is carried out and its answer never comes."""
    deliver()
    raise ConnectionLost("RemoteDisconnected")


def request_lost(deliver: Callable[[], Answer]) -> Answer:
    """The request never arrives."""
    raise ConnectionLost("Connection refused")


def unavailable(deliver: Callable[[], Answer]) -> Answer:
    """The registry is there and cannot."""
    return Answer(503, {"retry-after": "0"}, b'{"code":"unavailable","detail":"the store does not answer"}')


@dataclass
class Outcome:
    """What the provider answered."""

    state: Values | None
    diagnostics: list[Values]
    requires_replace: list[Any] = field(default_factory=list)
    private: bytes = b""

    @property
    def errors(self) -> list[str]:
        return [_text(item) for item in self.diagnostics if item["severity"] == 1]

    @property
    def warnings(self) -> list[str]:
        return [_text(item) for item in self.diagnostics if item["severity"] == 2]

    @property
    def paths(self) -> list[str]:
        return [_path(item.get("attribute")) for item in self.diagnostics]

    def ok(self) -> Values | None:
        assert not self.errors, self.errors
        return self.state


class Terraform:
    """One walk: one provider, configured for one registry."""

    def __init__(self, client: Any, session: Session | None = None, *, stack: str | None = "prod") -> None:
        self.provider = LeaseholdProvider({})
        self.sleeps: list[float] = []
        session = session or DevelopmentSession(stack or "admin", stack=stack)
        self.provider.run.start(Registry(client, Retry(self._sleep), session))
        self.run = Run(self.provider)
        self.leftovers = Leftovers()

    def _sleep(self, seconds: float) -> bool:
        self.sleeps.append(seconds)
        return False

    def validate(self, type_name: str, config: Values) -> Outcome:
        resource = self.run.resources[type_name]
        request = {
            "type_name": type_name,
            "config": {"msgpack": resource.schema.type.pack(complete(resource.schema, config))},
            "client_capabilities": {"write_only_attributes_allowed": True},
        }
        return Outcome(None, ValidationCalls(self.run).resource(request)["diagnostics"])

    def plan(self, type_name: str, config: Values | None, prior: Values | None = None) -> Outcome:
        resource = self.run.resources[type_name]
        kind = resource.schema.type
        given = complete(resource.schema, config) if config is not None else None
        proposed = propose(resource.schema, given, prior) if given is not None else None
        request: Values = {
            "type_name": type_name,
            "prior_state": {"msgpack": kind.pack(prior)},
            "proposed_new_state": {"msgpack": kind.pack(proposed)},
            "config": {"msgpack": kind.pack(given)},
        }
        answer = ChangeCalls(self.run).plan(request)
        planned = kind.unpack(answer["planned_state"]["msgpack"])
        return Outcome(planned, answer["diagnostics"], answer["requires_replace"])

    def apply(self, type_name: str, config: Values | None, planned: Values | None, prior: Values | None) -> Outcome:
        resource = self.run.resources[type_name]
        kind = resource.schema.type
        given = complete(resource.schema, config) if config is not None else None
        request: Values = {
            "type_name": type_name,
            "prior_state": {"msgpack": kind.pack(prior)},
            "planned_state": {"msgpack": kind.pack(planned)},
            "config": {"msgpack": kind.pack(given)},
        }
        answer = ChangeCalls(self.run).apply(request)
        return Outcome(kind.unpack(answer["new_state"]["msgpack"]), answer["diagnostics"])

    def change(self, type_name: str, config: Values | None, prior: Values | None = None) -> Outcome:
        """Plan and apply, as one run without a pause between."""
        planned = self.plan(type_name, config, prior).ok()
        return self.apply(type_name, config, planned, prior)

    def create(self, type_name: str, config: Values) -> Values:
        state = self.change(type_name, config).ok()
        assert state is not None
        return state

    def read(self, type_name: str, state: Values) -> Outcome:
        kind = self.run.resources[type_name].schema.type
        answer = ReadCalls(self.run).read({"type_name": type_name, "current_state": {"msgpack": kind.pack(state)}})
        return Outcome(kind.unpack(answer["new_state"]["msgpack"]), answer["diagnostics"])

    def import_by_name(self, type_name: str, name: str) -> Values | None:
        """Import and refresh, as Terraform does."""
        kind = self.run.resources[type_name].schema.type
        answer = ReadCalls(self.run).import_resource({"type_name": type_name, "id": name})
        state = kind.unpack(answer["imported_resources"][0]["state"]["msgpack"])
        return self.read(type_name, state).ok()

    def read_data_source(self, type_name: str, config: Values) -> Outcome:
        source = self.run.data_sources[type_name]
        kind = source.schema.type
        given = {"msgpack": kind.pack(complete(source.schema, config))}
        answer = ReadCalls(self.run).read_data_source({"type_name": type_name, "config": given})
        return Outcome(kind.unpack(answer["state"]["msgpack"]), answer["diagnostics"])

    def open(self, type_name: str, config: Values) -> Outcome:
        resource = self.run.ephemeral_resources[type_name]
        kind = resource.schema.type
        given = {"msgpack": kind.pack(complete(resource.schema, config))}
        answer = EphemeralCalls(self.run, self.leftovers).open({"type_name": type_name, "config": given})
        result = kind.unpack(answer["result"]["msgpack"])
        return Outcome(result, answer["diagnostics"], private=answer["private"])

    def renew(self, type_name: str, private: bytes) -> bytes:
        answer = EphemeralCalls(self.run, self.leftovers).renew({"type_name": type_name, "private": private})
        renewed: bytes = answer["private"]
        return renewed

    def close(self, type_name: str, private: bytes) -> Outcome:
        answer = EphemeralCalls(self.run, self.leftovers).close({"type_name": type_name, "private": private})
        return Outcome(None, answer["diagnostics"])

    def list(self, type_name: str, config: Values, *, limit: int = 100) -> list[Values]:
        listing = self.run.list_resources[type_name]
        kind = listing.schema.type
        request = {
            "type_name": type_name,
            "config": {"msgpack": kind.pack(complete(listing.schema, config))},
            "include_resource_object": True,
            "limit": limit,
        }
        return list(ListCalls(self.run).list_resource(request))


def complete(fields: Any, config: Values) -> Values:
    """Write null where the configuration says nothing, at every depth."""
    full = {name: config.get(name) for name in fields.attributes}
    assert config.keys() <= full.keys(), config.keys() - full.keys()
    for name, attribute in fields.attributes.items():
        if isinstance(attribute, Nested) and isinstance(full[name], dict):
            inner = full[name]
            single = attribute.nesting == "single"
            full[name] = (
                complete(attribute, inner)
                if single
                else {k: complete(attribute, v) if isinstance(v, dict) else v for k, v in inner.items()}
            )
    return full


def propose(fields: Any, config: Values, prior: Values | None) -> Values:
    """Terraform's ProposedNew: what is computed and not configured comes from before."""
    proposed = dict(config)
    for name, attribute in fields.attributes.items():
        before = prior.get(name) if prior is not None else None
        if config[name] is None:
            proposed[name] = before if attribute.computed else None
        elif isinstance(attribute, Nested) and isinstance(config[name], dict):
            proposed[name] = _propose_nested(attribute, config[name], before)
    return proposed


def _propose_nested(attribute: Nested, config: Values, before: Any) -> Values:
    if attribute.nesting == "single":
        return propose(attribute, config, before)
    return {
        key: propose(attribute, item, (before or {}).get(key)) if isinstance(item, dict) else item
        for key, item in config.items()
    }


def _text(diagnostic: Values) -> str:
    return f"{diagnostic['summary']}: {diagnostic.get('detail', '')}"


def _path(path: Values | None) -> str:
    steps = (path or {}).get("steps", [])
    return ".".join(str(next(iter(step.values()))) for step in steps)
