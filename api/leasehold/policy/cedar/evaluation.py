"""The seam between decisions and engines: a slice of policies is prepared once, and evaluated on many questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from leasehold.model.access_requests import AccessRequest
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


class Call(NamedTuple):
    """What both sides share of a question, typed, before a context is made of it.

    `facts` are the tool's. `said`, `source` and `caller` are what the caller says: its arguments, its address, and what
    else. Of another application's question, `said` is its whole context, and `facts` is None.
    """

    action: EntityRef
    resource: EntityRef
    request: AccessRequest
    facts: Mapping[str, Value] | None
    said: Value
    source: Value = None
    caller: Value = None


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
Parties: TypeAlias = tuple[EntityRef, EntityRef | None, EntityRef | None]
"""One side's principal; then the other side's: on whose behalf, or by which agent."""
Judge: TypeAlias = Callable[[Call, Parties, Lookup], Verdict]
"""Of a call by these parties, with what is known of entities."""
SILENCE = Verdict()


class Engine(Protocol):
    """Evaluates policies. All engines say the same; a fuzzer holds them to it."""

    name: str

    def prepare(self, policies: Sequence[Statement]) -> Evaluate:
        """What evaluates exactly these policies.

        INVARIANT: an index picked them, so the scopes of their principals and actions hold of every question to come.
        """
        ...

    def fuse(self, policies: Sequence[Statement], evaluate: Evaluate) -> Judge:
        """What says of tool calls what `evaluate`, prepared of the same policies, says of their questions."""
        ...
