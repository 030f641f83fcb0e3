"""What a tool server was seen to show, and when: remembered to be compared with what was approved."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from leasehold.model.tool_surfaces import ToolSurface

KEPT = 20
"""Observations of one server that are kept, the newest: one that shows something else each time fills no disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One surface of one server. `by` saw it, first at `first_at` and last at `last_at` (aware UTC).

    `problem`: the server listed what could be read two ways, and this says why; then the surface is empty.
    """

    server: str
    surface: ToolSurface = field(hash=False)
    first_at: datetime
    last_at: datetime
    by: str
    problem: str = ""

    @property
    def digest(self) -> str:
        """The name of exactly what was seen: 64 hex digits."""
        if self.problem:
            return hashlib.sha256(f"leasehold unreadable surface 1\n{self.problem}".encode()).hexdigest()
        return self.surface.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Which observation of a server is the newest, without what it says."""

    digest: str
    last_at: datetime


Marks = Mapping[str, Marked]
