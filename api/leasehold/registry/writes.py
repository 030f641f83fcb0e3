"""What a caller asks to write, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec, Stored


@dataclass(frozen=True, slots=True)
class MustNotExist:
    """`If-None-Match: *`: create, never overwrite."""


@dataclass(frozen=True, slots=True)
class MustBeRevision:
    """`If-Match: "<revision>"`: change only what the caller saw."""

    revision: int


Precondition: TypeAlias = MustNotExist | MustBeRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """An object to write. `seen`, for grant sets: the agent's grants that the caller's plan saw alive."""

    kind: Kind
    name: str
    spec: Spec
    precondition: Precondition
    seen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """An object to delete, as the caller saw it."""

    kind: Kind
    name: str
    precondition: MustBeRevision


@dataclass(frozen=True, slots=True)
class View:
    """A live object with what is computed about it (`epoch`, `live_grants`, `expired`, `digest`)."""

    stored: Stored[Spec]
    computed: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """The object as it lives now, and whether this write created it."""

    view: View
    created: bool
