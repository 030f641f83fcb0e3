"""What audit keeps of inputs: sanitised and shut away under the key of whom they are about, and keyed digests of all.

Erasing a subject destroys its key: then nothing can be read, and no digest compared, while the trail stays whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal

import orjson

from leasehold.model.access_requests import AccessRequest
from leasehold.model.decisions import Decision, Reason
from leasehold.scan.findings import FindingKind, Response, ScanPolicy
from leasehold.scan.scanning import scan
from leasehold.scan.windows import Form

STRANGERS = "strangers"
"""The subject of what nobody asked who is known: who makes names up makes no keys up."""
_LONGEST = 4096
_NO_KEY = bytes(16)  # for digests of findings, which are of no use here
_CLEAN = ScanPolicy(responses={FindingKind.CONFUSABLE: Response.ALLOW, FindingKind.INSTRUCTION: Response.ALLOW})
_NOBODY = frozenset({Reason.NOT_CURRENT, Reason.ENTITY_MISSING, Reason.SCHEMA_VIOLATION})


def subject_of(request: AccessRequest | None, decision: Decision) -> str:
    """Whose inputs these are: the person's on whose behalf they come, else the agent's."""
    if request is None or decision.reason in _NOBODY:
        return STRANGERS
    return str((request.user or request.subject).ref)


def shown_of(arguments: Mapping[str, object]) -> dict[str, object]:
    """Arguments without what looks like a secret, and cut where they are long: what is shut away of them."""
    if not arguments:
        return {}
    clean = scan(canonical(arguments), _CLEAN, _NO_KEY, Form.JSON).content
    if len(clean) > _LONGEST:
        return {"arguments_cut": clean[:_LONGEST].decode(errors="replace")}
    return {"arguments": json.loads(clean)}


def canonical(value: object) -> bytes:
    """A value as JSON with sorted keys: what is digested."""
    return sorted_json(value, _number)


def sorted_json(value: object, other: Callable[[object], object]) -> bytes:
    """JSON with sorted keys; `other` makes JSON of what is none. Raises `TypeError` where it cannot."""
    try:
        return orjson.dumps(value, other, orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # an integer of more than 64 bits, half a surrogate pair
        encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=other)
        return encoder.encode(value).encode()


def _number(value: object) -> object:
    """As JSON writers write it: a float, where one is exact."""
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
