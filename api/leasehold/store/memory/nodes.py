"""Generations of the revocation tree, and the bootstrap token, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping, MutableSequence

from leasehold.model.leases import Node
from leasehold.model.records import BootstrapToken
from leasehold.store.bumps import Bumps


class MemoryNodes:
    """`Nodes` of one transaction. Every bump is on its way into the revocation stream."""

    def __init__(self, generations: MutableMapping[Node, int], bumps: Bumps) -> None:
        self._generations = generations
        self._bumps = bumps

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]:
        """The generation of each node that exists."""
        return {node: self._generations[node] for node in nodes if node in self._generations}

    def bump(self, node: Node) -> int:
        """Make every lease under the node stale; the new generation, 1 for a node that is new."""
        self._generations[node] = self._generations.get(node, 0) + 1
        self._bumps.add(node, self._generations[node])
        return self._generations[node]

    def ensure(self, node: Node) -> int:
        """The generation of a node, which exists from now on."""
        return self._generations.setdefault(node, 1)


class MemoryBootstrap:
    """`Bootstrap` of one transaction."""

    def __init__(self, tokens: MutableSequence[BootstrapToken]) -> None:
        self._tokens = tokens

    def find(self) -> BootstrapToken | None:
        """The token, used or not; None if there never was one."""
        return self._tokens[-1] if self._tokens else None

    def put(self, token: BootstrapToken) -> None:
        """Replace the token."""
        self._tokens[:] = [token]
