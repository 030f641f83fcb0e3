"""IAM's roles in memory: names that can be taken again, and unique ids that cannot. Held to moto in the e2e tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from leasehold.keys.role_ids import IamRole, RoleUnknown

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class SimulatedRoles:
    """Finds roles by ARN. `down` makes it silent; `meanwhile` runs while a question is under way."""

    roles: dict[str, IamRole] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    down: bool = False
    meanwhile: Callable[[], object] | None = None
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, arn: str, created_at: datetime = LONG_AGO, unique_id: str | None = None) -> IamRole:
        """Make a role, anew if there is one of that name."""
        self._made += 1
        made = IamRole(arn=arn, unique_id=unique_id or f"AROAEXAMPLE{self._made:010}", created_at=created_at)
        self.roles[arn] = made
        return made

    def find(self, arn: str, reader: str | None) -> IamRole | None:
        """As IAM answers."""
        with self._lock:
            self.asked.append((arn, reader))
        found = self.roles.get(arn)
        if self.meanwhile is not None:
            self.meanwhile()
        if self.down:
            raise RoleUnknown("IAM did not answer: ConnectTimeoutError")
        return found
