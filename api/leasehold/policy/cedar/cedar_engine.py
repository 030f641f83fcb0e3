"""Policies evaluated by Cedar itself, slice by slice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPV4LENGTH, IPv4Address, IPv6Address
from json.encoder import encode_basestring_ascii

import cedarpy
from cedarpy import pst

from leasehold.model.entities import EntityRef
from leasehold.policy.cedar.contexts import by_query
from leasehold.policy.cedar.evaluation import SILENCE, Evaluate, Judge, Query, Verdict
from leasehold.policy.cedar.index import ref_of
from leasehold.policy.cedar.known import Known, refs_in
from leasehold.policy.cedar.reading import context_names, context_seen, looks_up, through
from leasehold.policy.cedar.statements import Statement
from leasehold.policy.cedar.values import CedarSet, Fraction, Moment, Network, Span, Value, unkeyed

_NO_ENTITIES = cedarpy.Entities.from_json_str("[]")
_ERROR = re.compile(r"error while evaluating policy `(policy\d+)`: (entity `.*` does not exist)?", re.ASCII | re.DOTALL)


class CedarEngine:
    """`cedarpy` on a slice. It knows entities by what the question can lead it to, and by nothing else."""

    name = "cedarpy"

    def prepare(self, policies: Sequence[Statement]) -> Evaluate:
        """Parse the slice once."""
        if not policies:
            return lambda _query: SILENCE
        ids = {f"policy{at}": one.id for at, one in enumerate(policies)}
        permits = {one.id for one in policies if one.permits}
        templates = [replace(one.template, principal=pst.ScopeAny(), action=pst.ScopeAny()) for one in policies]
        named = {f"policy{at}": replace(one, id=f"policy{at}") for at, one in enumerate(templates)}
        parsed = cedarpy.PolicySet.from_pst(pst.PolicySet({}, named, ()))
        literals = frozenset(ref_of(uid) for one in templates for uid in pst.entity_uids(one))
        seen = context_seen(templates)
        wide, records = any(map(looks_up, templates)), frozenset[str]().union(*map(through, templates))

        def evaluate(query: Query) -> Verdict:
            needed = wide or any(isinstance(query.context.get(name), EntityRef) for name in records)
            entities = entities_of(query, literals) if needed else _NO_ENTITIES
            return _verdict(cedarpy.is_authorized(_request(query, seen), parsed, entities), ids, permits)

        return evaluate

    def fuse(self, policies: Sequence[Statement], evaluate: Evaluate) -> Judge:
        """Cedar reads a context in any case."""
        return by_query(evaluate, context_names(one.template for one in policies))


def request_of(query: Query) -> dict[str, object]:
    """The question as Cedar reads it. Entities as objects: any id goes, and it is faster than a text."""
    return _request(query, None)


def _request(query: Query, seen: Mapping[str, frozenset[str] | None] | None) -> dict[str, object]:
    """Of the context only what policies look at: reading JSON is most of what Cedar does in a decision."""
    principal, action, resource, context, _ = query
    shown = dict.fromkeys(context) if seen is None else seen
    parts = [
        f"{encode_basestring_ascii(name)}:{_text(context[name], fields)}"
        for name, fields in shown.items()
        if name in context
    ]
    return {
        "principal": _uid(principal),
        "action": _uid(action),
        "resource": _uid(resource),
        "context": "{" + ",".join(parts) + "}",
    }


def _text(value: Value, fields: frozenset[str] | None) -> str:
    """The value as JSON, with these fields of a record. Without any, all that counts is that it is there."""
    if fields is not None and not fields:
        return "true"
    kind = type(value)
    if kind is Network:
        return _network_json(value)
    if isinstance(value, dict) and fields is not None:
        value = {name: one for name, one in value.items() if name in fields}
    return repr(value) if kind is int else json.dumps(json_of(value))


@lru_cache(maxsize=4096)
def _network_json(value: Value) -> str:
    return json.dumps(json_of(value))


def entities_of(query: Query, literals: Iterable[EntityRef] = ()) -> str:
    """Every known entity that an expression could reach from the question, or from a literal, as Cedar's JSON."""
    found: list[dict[str, object]] = []
    seen: set[EntityRef] = set()
    waiting = [query.principal, query.action, query.resource, *literals, *refs_in(query.context)]
    while waiting:
        ref = waiting.pop()
        known = None if ref in seen else query.entities.get(ref)
        seen.add(ref)
        if known is not None:
            found.append(_entity(ref, known))
            waiting += refs_in(known.attributes)
    return json.dumps(found)


def json_of(value: Value) -> object:
    """The value as Cedar's JSON spells it. Only typed values come here: no record of a caller's says `__entity`."""
    match value:
        case EntityRef():
            return {"__entity": _uid(value)}
        case Fraction() | Moment() | Span() | Network():
            return {"__extn": extension_of(value)}
        case dict():
            return {name: json_of(one) for name, one in value.items()}
        case CedarSet():
            return [json_of(unkeyed(one)) for one in value]
        case _:
            return value


def extension_of(value: Value) -> dict[str, object]:
    """The constructor that makes the value."""
    match value:
        case Fraction():
            return {"fn": "decimal", "arg": fraction_text(value)}
        case Moment():
            epoch = {"__extn": {"fn": "datetime", "arg": "1970-01-01"}}
            return {"fn": "offset", "args": [epoch, {"__extn": {"fn": "duration", "arg": f"{int(value)}ms"}}]}
        case Span():
            return {"fn": "duration", "arg": f"{int(value)}ms"}
        case _:
            assert isinstance(value, Network)  # noqa: S101  the last of the four
            return {"fn": "ip", "arg": network_text(value)}


def fraction_text(value: Fraction) -> str:
    """A decimal as Cedar writes it."""
    whole, places = divmod(abs(value), 10_000)
    return f"{'-' if value < 0 else ''}{whole}.{places:04d}"


def network_text(value: Network) -> str:
    """An address or network as Cedar reads it."""
    address = IPv4Address(value.number) if value.bits == IPV4LENGTH else IPv6Address(value.number)
    if isinstance(address, IPv6Address):  # Python writes the end of some like IPv4; Cedar reads no such address
        return f"{address.exploded}/{value.prefix}"
    return f"{address}/{value.prefix}"


def _entity(ref: EntityRef, known: Known) -> dict[str, object]:
    return {
        "uid": _uid(ref),
        "attrs": {name: json_of(value) for name, value in known.attributes.items()},
        "parents": [_uid(one) for one in known.ancestors if one != ref],
    }


def _uid(ref: EntityRef) -> dict[str, str]:
    return {"type": ref.type, "id": ref.id}


def _verdict(answer: cedarpy.AuthzResult, ids: dict[str, str], permits: set[str]) -> Verdict:
    if answer.decision is cedarpy.Decision.NoDecision:
        return Verdict(failed=tuple(sorted(ids.values())))  # Cedar refused the question: that is no "no", and no "yes"
    said = answer.diagnostics
    if not said.reasons and not said.errors:
        return SILENCE
    reasons = sorted(ids[one] for one in said.reasons)
    failed = [_ERROR.match(error) for error in said.errors]
    return Verdict(
        tuple(one for one in reasons if one in permits),
        tuple(one for one in reasons if one not in permits),
        tuple(sorted(ids[one[1]] if one else "" for one in failed)),
        any(one is not None and one[2] is not None for one in failed),
    )
