"""Generations of the revocation tree, and the bootstrap token, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from leasehold.model.leases import Node
from leasehold.model.records import BootstrapToken
from leasehold.store.bulk import Spelled, listed
from leasehold.store.bumps import Bumps
from leasehold.store.tables import BOOTSTRAP, upsert

_ONLY_ROW = 1
_GENERATIONS = Spelled(
    "SELECT node, generation FROM nodes WHERE node IN (SELECT value FROM json_each(?))",
    "SELECT node, generation FROM nodes WHERE node IN (SELECT jsonb_array_elements_text(%s))",
)
_NEW = "INSERT INTO nodes (node, generation) VALUES (?, 1) ON CONFLICT (node) DO UPDATE SET generation = "
_BUMP = Spelled(_NEW + "nodes.generation + 1 RETURNING generation")
_ENSURE = Spelled(_NEW + "nodes.generation RETURNING generation")


class SqlNodes:
    """`Nodes` of one transaction. Every bump is on its way into the revocation stream."""

    def __init__(self, connection: Connection, bumps: Bumps) -> None:
        self._connection = connection
        self._bumps = bumps

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]:
        """The generation of each node that exists."""
        return {Node(node): generation for node, generation in _GENERATIONS.rows(self._connection, listed(set(nodes)))}

    def bump(self, node: Node) -> int:
        """Make every lease under the node stale; the new generation, 1 for a node that is new."""
        generation = int(_BUMP.one(self._connection, node))
        self._bumps.add(node, generation)
        return generation

    def ensure(self, node: Node) -> int:
        """The generation of a node, which exists from now on."""
        if (known := self.generations((node,)).get(node)) is not None:
            return known
        return int(_ENSURE.one(self._connection, node))


class SqlBootstrap:
    """`Bootstrap` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self) -> BootstrapToken | None:
        """The token, used or not; None if there never was one."""
        row = self._connection.execute(select(BOOTSTRAP)).one_or_none()
        if row is None:
            return None
        return BootstrapToken(sha256=row.sha256, expires_at=row.expires_at, consumed_at=row.consumed_at)

    def put(self, token: BootstrapToken) -> None:
        """Replace the token."""
        row = {
            "id": _ONLY_ROW,
            "sha256": token.sha256,
            "expires_at": token.expires_at,
            "consumed_at": token.consumed_at,
        }
        upsert(self._connection, BOOTSTRAP, row)
