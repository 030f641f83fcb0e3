"""An event as it is told to others: with its place, its hash, and that of the one before."""

from __future__ import annotations

from dataclasses import dataclass

from leasehold.model.records import AuditRecord
from leasehold.model.trail.records import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A sealed event. `origin` is the name of the trail, as in its checkpoints."""

    origin: str
    previous: bytes
    seal: Seal
    record: AuditRecord

    @property
    def position(self) -> int:
        """Its place in the trail."""
        return self.seal.position


class NotTaken(Exception):
    """A receiver did not take events; the message says why, without a secret. They are told again."""
