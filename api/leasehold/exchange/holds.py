"""What a workload's leases hang on in its cluster: each node standing when the lease is issued, or there is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leasehold.authn.subjects import Subject
from leasehold.exchange.ledger import Ledger, Root
from leasehold.exchange.ports import Clusters
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.exchange.views import Pieces, Views
from leasehold.model.leases import Node
from leasehold.model.workloads import STANDING_GENERATION, Standing, Workload


class Holds:
    """Finds the nodes of subjects."""

    def __init__(self, *, views: Views, ledger: Ledger, clusters: Clusters) -> None:
        self._views = views
        self._ledger = ledger
        self._clusters = clusters

    async def of(self, subject: Subject, pieces: Pieces) -> Mapping[Node, int]:
        """The nodes that the subject lives and dies with. Raises `ExchangeRefused` if one does not stand."""
        self._check(subject.workloads)
        nodes = tuple(workload.node for workload in subject.workloads)
        generations = await self._views.generations(pieces, nodes)
        if unwritten := tuple(node for node in nodes if node not in generations):
            await self._ledger.write(Root(unwritten))
            generations = await self._views.generations(pieces, nodes)
            # INVARIANT: nobody is believed to stand before its node is there to be ended.
            self._check(subject.workloads)
        if any(generations.get(node) != STANDING_GENERATION for node in nodes):
            raise ExchangeRefused(ExchangeReason.WORKLOAD_GONE)
        return generations

    def _check(self, workloads: Iterable[Workload]) -> None:
        for workload in workloads:
            match self._clusters.standing(workload):
                case Standing.UNHEARD:
                    raise ExchangeRefused(ExchangeReason.CLUSTER_UNHEARD)
                case Standing.GONE:
                    raise ExchangeRefused(ExchangeReason.WORKLOAD_GONE)
                case Standing.STANDS:
                    continue
