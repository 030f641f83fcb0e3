"""A spec as the JSON text that a row holds, and back."""

from __future__ import annotations

from functools import cache, lru_cache

import orjson
from pydantic import TypeAdapter

from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS, Spec
from leasehold.model.plain import plain

_CACHED_SPECS = 4096
_CACHED_BYTES = 4096


def encode(spec: Spec) -> str:
    """The text of a spec; equal specs have equal texts."""
    return orjson.dumps(plain(spec), option=orjson.OPT_SORT_KEYS).decode()


def decode(kind: str, text: str) -> Spec:
    """The spec of a text. Specs are frozen, so that small ones, read again and again, are shared."""
    return _decode_shared(kind, text) if len(text) <= _CACHED_BYTES else _decode(kind, text)


@lru_cache(maxsize=_CACHED_SPECS)
def _decode_shared(kind: str, text: str) -> Spec:
    return _decode(kind, text)


def _decode(kind: str, text: str) -> Spec:
    return _adapter(kind).validate_json(text)


@cache
def _adapter(kind: str) -> TypeAdapter[Spec]:
    return TypeAdapter(SPECS[Kind(kind)])
