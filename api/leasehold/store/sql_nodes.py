"""Generations of the revocation tree, and the bootstrap token, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from leasehold.model.leases import Node
from leasehold.model.records import BootstrapToken
from leasehold.store.bulk import listed
from leasehold.store.bumps import Bumps
from leasehold.store.tables import BOOTSTRAP, NODES, insert, upsert

_ONLY_ROW = 1
_N = NODES.c
_GENERATIONS = {
    "sqlite": "SELECT node, generation FROM nodes WHERE node IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT node, generation FROM nodes WHERE node IN (SELECT jsonb_array_elements_text(%s))",
}


class SqlNodes:
    """`Nodes` of one transaction. Every bump is on its way into the revocation stream."""

    def __init__(self, connection: Connection, bumps: Bumps) -> None:
        self._connection = connection
        self._bumps = bumps

    def generations(self, nodes: Iterable[Node]) -> Mapping[Node, int]:
        """The generation of each node that exists."""
        statement = _GENERATIONS[self._connection.dialect.name]
        rows = self._connection.exec_driver_sql(statement, listed(set(nodes)))
        return {Node(node): generation for node, generation in rows}

    def bump(self, node: Node) -> int:
        """Make every lease under the node stale; the new generation, 1 for a node that is new."""
        statement = insert(self._connection, NODES).values(node=node, generation=1)
        raised = statement.on_conflict_do_update(index_elements=["node"], set_={"generation": _N.generation + 1})
        generation = int(self._connection.execute(raised.returning(_N.generation)).scalar_one())
        self._bumps.add(node, generation)
        return generation

    def ensure(self, node: Node) -> int:
        """The generation of a node, which exists from now on."""
        if (known := self.generations((node,)).get(node)) is not None:
            return known
        statement = insert(self._connection, NODES).values(node=node, generation=1)
        kept = statement.on_conflict_do_update(index_elements=["node"], set_={"generation": _N.generation})
        return int(self._connection.execute(kept.returning(_N.generation)).scalar_one())


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
