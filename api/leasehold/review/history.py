"""The one thing that the pure part of this room asks for beside objects: how an object came to be as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from leasehold.model.kinds import Kind
from leasehold.model.records import Version


class History(Protocol):
    """Every revision of an object, lowest first; `revision` itself included."""

    def since(self, kind: Kind, name: str, revision: int) -> Sequence[Version]: ...
