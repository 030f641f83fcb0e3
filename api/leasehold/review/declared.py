"""What stacks declare: objects out of Terraform states or plans, parsed by the door."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from leasehold.model.grants import Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.people import Agent
from leasehold.review.findings import Unproven
from leasehold.review.worlds import Key, Live, World

RESOURCE_KINDS: dict[str, Kind] = {
    "leasehold_owner": Kind.OWNERS,
    "leasehold_agent": Kind.AGENTS,
    "leasehold_trust_issuer": Kind.TRUST_ISSUERS,
    "leasehold_workload_binding": Kind.WORKLOAD_BINDINGS,
    "leasehold_tool_server": Kind.TOOL_SERVERS,
    "leasehold_tool_pin": Kind.TOOL_PINS,
    "leasehold_scope": Kind.SCOPES,
    "leasehold_ceiling": Kind.CEILINGS,
    "leasehold_grant": Kind.GRANTS,
    "leasehold_agent_grants_exclusive": Kind.GRANT_SETS,
    "leasehold_deployment": Kind.DEPLOYMENTS,
    "leasehold_credential_profile": Kind.CREDENTIAL_PROFILES,
    "leasehold_policy": Kind.POLICIES,
    "leasehold_user": Kind.USERS,
    "leasehold_resource": Kind.RESOURCES,
    "leasehold_relation": Kind.RELATIONS,
    "leasehold_drift_exception": Kind.DRIFT_EXCEPTIONS,
}
RESOURCE_TYPES = {kind: name for name, kind in RESOURCE_KINDS.items()}
NAMED_AFTER = {Kind.GRANT_SETS: "agent", Kind.TOOL_PINS: "tool_server"}
"""The attribute that names an object of these kinds: it goes by what it belongs to."""


@dataclass(frozen=True, slots=True)
class DeclaredObject:
    """One resource of one stack."""

    kind: Kind
    name: str
    spec: Spec
    address: str
    stack: str

    @property
    def key(self) -> Key:
        """Its place in the registry."""
        return (self.kind, self.name)


@dataclass(frozen=True)
class Declared:
    """Everything that the given stacks declare. `unproven_keys` are objects known by name alone.

    `outlines` are what is known of unproven objects: kind and name, and a digest of the rest. `removes` is what the
    plans of stacks take away, of those that say so.
    """

    stacks: frozenset[str]
    objects: tuple[DeclaredObject, ...]
    unproven: tuple[Unproven, ...] = ()
    unproven_keys: frozenset[Key] = frozenset()
    outlines: tuple[tuple[str, str], ...] = ()
    removes: Mapping[str, frozenset[Key]] = field(default_factory=dict)

    @cached_property
    def by_key(self) -> Mapping[Key, DeclaredObject]:
        """The declaration of each object; the first, where several stacks claim one."""
        return {one.key: one for one in reversed(self.objects)}

    @cached_property
    def conflicts(self) -> Mapping[Key, tuple[DeclaredObject, ...]]:
        """Objects that are declared more than once."""
        claims: dict[Key, list[DeclaredObject]] = defaultdict(list)
        for one in self.objects:
            claims[one.key].append(one)
        return {key: tuple(several) for key, several in claims.items() if len(several) > 1}

    @cached_property
    def agents(self) -> frozenset[str]:
        """The agents that the stacks declare, unproven ones included."""
        declared = {one.name for one in self.objects if isinstance(one.spec, Agent)}
        return frozenset(declared | {name for kind, name in self.unproven_keys if kind is Kind.AGENTS})

    @cached_property
    def claims(self) -> Mapping[str, frozenset[str]]:
        """The exclusive claims: agent → the names of grants meant to live."""
        return {one.name: one.spec.grants for one in self.objects if isinstance(one.spec, GrantSet)}

    @cached_property
    def claimed_agents(self) -> frozenset[str]:
        """Agents whose whole set of grants is claimed, unproven claims included."""
        unproven = {name for kind, name in self.unproven_keys if kind is Kind.GRANT_SETS}
        return frozenset(self.claims) | unproven

    @property
    def coverage_pct(self) -> float:
        """How much of what is declared could be compared, in per cent."""
        total = len(self.by_key) + len(self.unproven)
        return round(100 * len(self.by_key) / total, 1) if total else 100.0

    @property
    def unproven_in_order(self) -> tuple[Unproven, ...]:
        """What could not be compared, by stack and address."""
        return tuple(sorted(self.unproven, key=lambda one: (one.stack, one.address)))

    def managed_elsewhere(self, live: Live) -> Iterator[tuple[DeclaredObject, str]]:
        """What lives under another stack than the one that declares it, with that stack. By hand is nobody's."""
        for key, one in sorted(self.by_key.items()):
            stored = live.stored.get(key)
            if stored is not None and stored.stack not in {None, one.stack}:
                yield one, str(stored.stack)

    def left_behind(self, live: Live) -> Iterator[Key]:
        """What lives under these stacks, is declared no more, and is taken away by no plan of theirs."""
        for key, stored in sorted(live.stored.items()):
            removed = self.removes.get(stored.stack or "")
            claim = self.claims.get(stored.spec.agent) if isinstance(stored.spec, Grant) else None
            if removed is not None and key not in removed and not self.mentions(key) and claim is None:
                yield key

    def mentions(self, key: Key) -> bool:
        """True if some stack declares the object, even if it cannot be compared yet."""
        return key in self.by_key or key in self.unproven_keys


def declared_world(declared: Declared, live: Live, undeclared: Iterable[Key]) -> World:
    """The world as it would be if all were as declared: live, less what is undeclared, overlaid with declarations."""
    gone = set(undeclared)
    objects = {key: one.spec for key, one in live.stored.items() if key not in gone}
    objects |= {key: one.spec for key, one in declared.by_key.items()}
    return World(objects)
