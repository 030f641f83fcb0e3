"""Nodes that can be revoked as one, and leases that hang under them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from leasehold.model.status import StatusPlace

Node = NewType("Node", str)
"""`registry`, `policies`, `policies:<tool server>`, or `owner`, `agent`, `deployment`, `binding`, `policy` with
`:<name>`, or `lease:<id>` and the like."""

_CONSENT_DIGITS = 32
REGISTRY = Node("registry")
POLICIES = Node("policies")
"""Above every lease of tools: goes up when a policy begins to speak of tools of whatever server."""
MANY_POLICIES = Node("policy:*")
"""Above leases that rest on more policies than they name: goes up with any of them."""


def owner_node(name: str) -> Node:
    """The node of an owner."""
    return Node(f"owner:{name}")


def agent_node(name: str) -> Node:
    """The node of an agent."""
    return Node(f"agent:{name}")


def deployment_node(name: str) -> Node:
    """The node of a deployment; its generation is the deployment's epoch."""
    return Node(f"deployment:{name}")


def binding_node(name: str) -> Node:
    """The node of a workload binding, parent of the registry tokens issued through it."""
    return Node(f"binding:{name}")


def profile_node(name: str) -> Node:
    """The node of a credential profile, above everything handed out through it."""
    return Node(f"profile:{name}")


def policy_node(name: str) -> Node:
    """The node of a policy, above whatever rests on a decision that it took part in."""
    return Node(f"policy:{name}")


def policies_node(tool_server: str) -> Node:
    """Above every lease of tools of this server: goes up when a policy begins to speak of them by name."""
    return Node(f"policies:{tool_server}")


def client_node(agent: str) -> Node:
    """The node of an agent as an OAuth client, above every lease that its own keys or secret asked for."""
    return Node(f"client:{agent}")


def user_node(user: str) -> Node:
    """The node of a person on whose behalf agents act; `user` is the id that their tokens carry as `sub`."""
    return Node(user)


def issuer_node(name: str) -> Node:
    """The node of a trust issuer, above every lease for a person whom it let in or vouched for."""
    return Node(f"issuer:{name}")


def task_node(task: str) -> Node:
    """The node of a task, above every lease that was taken for it."""
    return Node(f"task:{task}")


def consent_node(user: str, agent: str, resource: str) -> Node:
    """The node of one consent. A digest: a person's id is of any length."""
    digest = hashlib.sha256(f"{user}\n{agent}\n{resource}".encode()).hexdigest()[:_CONSENT_DIGITS]
    return Node(f"consent:{digest}")


def lease_node(lease_id: str) -> Node:
    """The node of one lease."""
    return Node(f"lease:{lease_id}")


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One node above a lease, with the generation it had when the lease was issued."""

    node: Node
    generation: int


def stands_for(ancestors: Iterable[Ancestor]) -> str:
    """Nodes and their generations as one text: what was begun is ended only while this is the same."""
    return " ".join(f"{one.node}@{one.generation}" for one in ancestors)


def stood_on(text: str) -> Mapping[Node, int]:
    """What `stands_for` wrote: no name of a node holds a space."""
    parts = (one.rpartition("@") for one in text.split(" ") if one)
    return {Node(node): int(generation) for node, _, generation in parts}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A time-bound issue of grants, or of a platform role. Holds the token's SHA-256 (hex), never the token.

    `parent` is the lease that it was delegated from, `task` what it was taken for, `status` where third parties read
    whether its token lives.
    """

    id: str
    subject: str
    agent: str | None
    deployment: str | None
    binding: str
    audience: str
    scopes: frozenset[str]
    ancestors: tuple[Ancestor, ...]
    token_sha256: str
    issued_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    parent: str | None = None
    task: str | None = None
    status: StatusPlace | None = None

    def of_token(self, token_sha256: str) -> Lease:
        """The same lease, once its token is made. For every token: `dataclasses.replace` takes twice as long."""
        return Lease(
            id=self.id,
            subject=self.subject,
            agent=self.agent,
            deployment=self.deployment,
            binding=self.binding,
            audience=self.audience,
            scopes=self.scopes,
            ancestors=self.ancestors,
            token_sha256=token_sha256,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
            revoked_at=self.revoked_at,
            parent=self.parent,
            task=self.task,
            status=self.status,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseUse:
    """How many leases of an agent carry the same for one audience, and when the last was taken (aware UTC)."""

    agent: str
    audience: str
    scopes: frozenset[str]
    count: int
    last_at: datetime


def is_alive(lease: Lease, generations: Mapping[Node, int], now: datetime) -> bool:
    """True iff the lease is neither revoked nor expired and every ancestor is still of its issue's generation.

    `generations` must hold every ancestor: one that is missing is gone, and so is the lease. Only the node of a parent
    lease, of generation 0, is written when it ends and not before.
    """
    return (
        lease.revoked_at is None
        and now < lease.expires_at
        and all(generations.get(a.node, 0) == a.generation for a in lease.ancestors)
    )
