"""JSON bodies, read with distrust: a size limit, every key once, sets without repetition, specs to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from leasehold.model.errors import FieldError, InvalidBody
from leasehold.web.refusals import MalformedJson, TooLarge, UnsupportedMediaType
from leasehold.web.strict_json import load_json

BODY_LIMIT = 1024 * 1024
_ERRORS_SHOWN = 50
_DEPTH_LIMIT = 64  # of a body; what walks it by recursion can rely on it
# RFC 3339 §5.6. Pydantic alone would take a bare number for seconds since 1970.
_RFC3339 = re.compile(r"[2-9]\d{3}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")
_TIMES = frozenset({"expires_at"})

Json = dict[str, Any]  # Any: a parsed body, before it is anything of ours
T = TypeVar("T")
_ADAPTERS: dict[type, TypeAdapter[Any]] = {}  # Any: one adapter per noun, built once


async def read_json(request: Request, limit: int = BODY_LIMIT) -> Json:
    """The body as one JSON object. Raises `UnsupportedMediaType`, `TooLarge`, `MalformedJson`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("the body must be application/json, not compressed")
    return parse_json(await _read(request, limit))


def parse_json(raw: bytes) -> Json:
    """One JSON object in UTF-8, every key once. Raises `MalformedJson`."""
    try:
        parsed = load_json(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedJson("the body is not UTF-8") from None
    except RecursionError:
        raise MalformedJson("the body is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError is one; its message quotes nothing of the body
        raise MalformedJson(f"the body is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise MalformedJson("the body must be a JSON object")
    _check_depth(parsed)
    return parsed


def parse_as(noun: type[T], body: Json, path: str = "") -> T:
    """The body as a dataclass of the model, defaults filled in. Raises `InvalidBody`; `path`: where it stood."""
    errors = [*_repetitions("", body), *_odd_times(body)]
    if errors:
        raise InvalidBody([FieldError(_join(path, e.path), e.message, e.line) for e in errors[:_ERRORS_SHOWN]])
    try:
        return _adapter(noun).validate_json(orjson.dumps(body), strict=True)
    except ValidationError as error:
        found = [(e["loc"], e["msg"], e["type"]) for e in error.errors(include_url=False, include_input=False)]
        raise InvalidBody([_field_error(path, *one) for one in _one_per_attribute(found)[:_ERRORS_SHOWN]]) from None
    except TypeError:  # orjson refuses lone surrogates and integers over 64 bits
        raise MalformedJson("the body holds a character or number that no JSON reader agrees on") from None


def take_set(body: Json, key: str) -> frozenset[str]:
    """Take an optional array of distinct strings out of a body. Raises `InvalidBody`."""
    found = body.pop(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise InvalidBody([FieldError(key, "must be an array of strings")])
    if errors := list(_repetitions(key, found)):
        raise InvalidBody(errors)
    return frozenset(found)


async def _read(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(f"the body is over {limit} bytes")
        parts.append(part)
    return b"".join(parts)


_Told: TypeAlias = tuple[tuple[int | str, ...], str, str]
_ATTRIBUTES, _OWN_MESSAGE = "attributes", "value_error"
_ATTRIBUTE_VALUES = (
    'must be a string, a boolean, an integer, an array of strings, or an exact number as `{"decimal": "50.25"}`; '
    "a record is the string of its JSON"
)


def _adapter(noun: type[T]) -> TypeAdapter[T]:
    if (known := _ADAPTERS.get(noun)) is None:
        known = _ADAPTERS.setdefault(noun, TypeAdapter(noun))
    return known


def _check_depth(parsed: Json) -> None:
    level: list[object] = [parsed]
    for _ in range(_DEPTH_LIMIT):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise MalformedJson("the body is nested too deeply")


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _repetitions(path: str, value: object) -> Iterator[FieldError]:
    """Every array of ours is a set, and a set that names something twice is a mistake."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _repetitions(_join(path, str(key)), inner)
    elif isinstance(value, list):
        strings = [one for one in value if isinstance(one, str)]
        if len(set(strings)) != len(strings):
            twice = next(one for at, one in enumerate(strings) if one in strings[:at])
            yield FieldError(path, f"`{twice}` stands twice in a set")


def _odd_times(body: Json) -> Iterator[FieldError]:
    for key in _TIMES & body.keys():
        if isinstance(body[key], str) and not _RFC3339.fullmatch(body[key]):
            yield FieldError(key, "must be an RFC 3339 time with a zone, such as 2026-12-31T18:00:00Z")


def _one_per_attribute(found: list[_Told]) -> list[_Told]:
    """What an attribute may be is one thing to say, not one per type that it is not; a decimal tells by itself."""
    merged: dict[tuple[int | str, ...], _Told] = {}
    for location, message, kind in found:
        in_, name, *_ = *location, None, None
        key = location[:2] if in_ == _ATTRIBUTES else location
        if in_ != _ATTRIBUTES or name is None or kind == _OWN_MESSAGE:
            merged[key] = key, message, kind
        else:
            merged.setdefault(key, (key, _ATTRIBUTE_VALUES, kind))
    return list(merged.values())


def _field_error(path: str, location: tuple[int | str, ...], message: str, kind: str) -> FieldError:
    if kind == "unexpected_keyword_argument":
        message = "is not a field of this object"
    elif kind in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        message = "is required"
    return FieldError(_join(path, ".".join(map(str, location))), message.removeprefix("Value error, "))


def _join(path: str, more: str) -> str:
    return f"{path}.{more}" if path and more else path or more
