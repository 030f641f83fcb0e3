"""Wiring of clusters: who asks their API servers, what is known to stand, and the threads that follow them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from leasehold.clusters.sightings import Sightings
from leasehold.clusters.watches import Watches
from leasehold.keys.api_server import ApiServers
from leasehold.keys.network import Network
from leasehold.keys.token_review import Reviewer
from leasehold.settings import Settings
from leasehold.store.sql_store import SqlStore


def reviewer(settings: Settings) -> Reviewer:
    """Our credentials at clusters, from the operator's folder."""
    return Reviewer(folder=settings.data_dir / "clusters")


def followed(settings: Settings, store: SqlStore, clock: Callable[[], datetime]) -> tuple[Sightings, Watches]:
    """What is known of clusters, followed from now until closed."""
    sightings = Sightings()
    clusters = ApiServers(Network(), reviewer(settings))
    watches = Watches(store=store, clusters=clusters, sightings=sightings, clock=clock)
    watches.start()
    return sightings, watches
