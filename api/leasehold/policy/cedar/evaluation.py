"""The seam between decisions and engines: a slice of policies is prepared once, and evaluated on many questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.known import Lookup
from leasehold.policy.cedar.statements import Statement
from leasehold.policy.cedar.values import Value


class Query(NamedTuple):
    """One question in Cedar's terms, every value typed. The action is an entity like others, in its groups."""

    principal: EntityRef
    action: EntityRef
    resource: EntityRef
    context: dict[str, Value]
    entities: Lookup


class Verdict(NamedTuple):
    """What the policies say, by id: a forbid that holds leaves no permit; `failed` could not be evaluated.

    INVARIANT: whoever reads a verdict denies if anything failed. A forbid that failed might have held.
    """

    permitted: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    missing: bool = False
    """True if a policy failed for an entity that nobody knows."""
    disagreed: bool = False
    """True if two engines do not say the same. Nothing else counts then."""


Evaluate: TypeAlias = Callable[[Query], Verdict]
SILENCE = Verdict()


class Engine(Protocol):
    """Evaluates policies. All engines say the same; a fuzzer holds them to it."""

    name: str

    def prepare(self, policies: Sequence[Statement]) -> Evaluate:
        """What evaluates exactly these policies.

        INVARIANT: an index picked them, so the scopes of their principals and actions hold of every question to come.
        """
        ...
