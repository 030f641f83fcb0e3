"""What a server says as it starts: how it is configured, without a secret."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.trail.records import canonical_bytes
from leasehold.trail.own_events import SYSTEM
from leasehold.trail.ports import Store


def record_start(store: Store, version: str, configuration: Mapping[str, object], now: datetime) -> None:
    """Remember that a server starts, how it is configured, and a digest of that. Raises `Unavailable`."""
    digest = hashlib.sha256(canonical_bytes(configuration)).hexdigest()
    event = AuditEvent(
        at=now,
        principal=SYSTEM,
        action="start",
        kind="server",
        name=version,
        outcome=Outcome.OK,
        detail={"configuration": dict(configuration), "configuration_sha256": digest},
    )
    with store.begin() as unit:
        unit.audit.append(event)
