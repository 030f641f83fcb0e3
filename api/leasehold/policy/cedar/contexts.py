"""What a policy sees of a tool call as `context`: each name, what it is made of, and how that is written as code.

A name that the call has nothing for is not there. Both ways of making a context are here, so that they stay alike: as a
record, for an engine that wants one, and name by name within a compiled slice, which makes only what it looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import lru_cache
from typing import TypeAlias

from leasehold.model.access_requests import OauthMode, OauthStatus
from leasehold.model.entities import AGENT, EntityRef
from leasehold.policy.cedar.evaluation import Call, Evaluate, Judge, Parties, Query
from leasehold.policy.cedar.known import Lookup
from leasehold.policy.cedar.values import CedarSet, Value, moment_of

Read: TypeAlias = Callable[[Call], Value]


def query_of(call: Call, parties: Parties, entities: Lookup, names: frozenset[str] | None) -> Query:
    """One side's question about the call, with a context of these names, or of all."""
    made: list[tuple[str, Value]] = [(name, read(call)) for name, read in _readers(names)]
    made += [one for one in zip(OTHERS, parties[1:], strict=True) if names is None or one[0] in names]
    context = {name: value for name, value in made if value is not None}
    return Query(parties[0], call.action, call.resource, context, entities)


def by_query(evaluate: Evaluate, names: frozenset[str] | None) -> Judge:
    """For an engine that wants a context: these names of it are made for each call."""
    return lambda call, parties, entities: evaluate(query_of(call, parties, entities, names))


@lru_cache(maxsize=4096)
def _readers(names: frozenset[str] | None) -> tuple[tuple[str, Read], ...]:
    return tuple((name, read) for name, read in READERS.items() if names is None or name in names)


def chain_of(names: tuple[str, ...]) -> CedarSet:
    """The agents above, as a set of entities."""
    return CedarSet([EntityRef(AGENT, name) for name in names])


@lru_cache(maxsize=4096)
def scopes_of(scopes: frozenset[str]) -> CedarSet:
    """The token's scopes as a set of texts."""
    return CedarSet(scopes)


def _oauth(status: OauthStatus | None) -> Value:
    if status is None:
        return None
    return {"mode": MODES[status.mode], "scopes": scopes_of(status.scopes), "consent": status.consent}


MODES = {mode: mode.value for mode in OauthMode}
OTHERS = ("on_behalf_of", "via_agent")
READERS: dict[str, Read] = {
    "input": lambda call: call.said,
    "source_ip": lambda call: call.source,
    "caller": lambda call: call.caller,
    "oauth": lambda call: _oauth(call.request.oauth),
    "tool": lambda call: call.facts,
    "now": lambda call: moment_of(call.request.at),
    "weekday": lambda call: call.request.at.astimezone(UTC).isoweekday(),
    "depth": lambda call: len(call.request.chain),
    "chain": lambda call: chain_of(call.request.chain),
    "deployment": lambda call: call.request.deployment,
}
