"""What a store remembers beside the live objects, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from leasehold.model.events import AuditEvent
from leasehold.model.kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which objects to list; None asks nothing. `managed`: by any stack (True) or by none (False).

    `subject`, `relation` and `object` are of relations: whoever asks for one gets nothing else.
    """

    agents: frozenset[str] | None = None
    stack: str | None = None
    managed: bool | None = None
    subject: str | None = None
    relation: str | None = None
    object: str | None = None

    @property
    def tuple(self) -> Mapping[str, str]:
        """What is asked of relations, by attribute."""
        asked = {"subject": self.subject, "relation": self.relation, "object": self.object}
        return {name: value for name, value in asked.items() if value is not None}


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One revision of an object, kept for ever; `spec` is its plain form, None for a deletion."""

    kind: Kind
    name: str
    revision: int
    operation: str
    by: str
    at: datetime
    stack: str | None
    spec: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An audit event with its place in the log, newest highest."""

    sequence: int
    event: AuditEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapToken:
    """The one-time token, as its SHA-256 (hex)."""

    sha256: str
    expires_at: datetime
    consumed_at: datetime | None = None
