"""The next key: named by an event that the key before signs for, so that whoever trusts that one can trust the next.

INVARIANT: the trail names its signer in a row that whoever seals reads in the same transaction. From the moment on that
the row names the next key, no server signs with the one before, whichever was started with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from leasehold.model.errors import Unavailable
from leasehold.model.trail.heads import Cursor
from leasehold.model.trail.keeping import ROTATE, TRAIL
from leasehold.model.trail.queries import TrailQuery
from leasehold.trail.own_events import by_itself
from leasehold.trail.ports import CheckpointSigner, Store, Trail
from leasehold.trail.sealing import SIGNER, Sealer

_ATTEMPTS = 5


def signer_of(trail: Trail) -> str | None:
    """The verifier key of who signs since the last rotation; None before the first."""
    cursor = trail.cursor(SIGNER)
    return str(json.loads(cursor.state)["verifier_key"]) if cursor is not None else None


def rotate(store: Store, before: CheckpointSigner, after: CheckpointSigner, clock: Callable[[], datetime]) -> None:
    """Let `before` sign that `after` is next, then hand over. Raises `Unavailable`; then `before` goes on."""
    event = by_itself(ROTATE, after.name, clock(), {"from": before.verifier_key, "to": after.verifier_key})
    with store.begin() as unit:
        unit.audit.append(event)
    signed = _signed_for(store, Sealer(store, before, clock), after.name)
    with store.begin() as unit:
        unit.trail.move(Cursor(SIGNER, signed, json.dumps({"verifier_key": after.verifier_key})))


def _signed_for(store: Store, sealer: Sealer, name: str) -> int:
    """The size that is signed for, the newest change of keys in it. Raises `Unavailable`."""
    query = TrailQuery(kind=TRAIL, name=name, action=ROTATE)
    for _ in range(_ATTEMPTS):
        signed = sealer.catch_up()
        with store.read() as unit:
            (found,) = unit.trail.search(query, None, 1)
        if found.position is not None and found.position < signed:
            return signed
    raise Unavailable("the key before could not sign for its successor")
