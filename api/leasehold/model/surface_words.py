"""A change of a tool in words: "argument `force` added, optional". What a server wrote stands between backticks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from leasehold.model.canonical_json import canonical_json
from leasehold.model.surface_texts import visible_text

Json = Mapping[str, Any]  # Any: JSON
_AROUND = 40
_LONGEST = 160
_NOTHING = object()


def tool_words(approved: str | None, live: str | None) -> tuple[str, ...]:
    """What became of a tool, both sides as canonical JSON; None where it is not there."""
    was, now = (json.loads(text) if text is not None else None for text in (approved, live))
    if now is None:
        return ("no longer listed",) if was is not None else ()
    if was is None:
        return tuple(_new(now))
    return tuple(_changed(was, now))


def text_words(what: str, was: str, now: str) -> str:
    """Where two texts begin to differ, and how."""
    if not was or not now:
        return f"{what} {'added' if now else 'removed'}: {shown(now or was)}"
    start = next((at for at, (one, other) in enumerate(zip(was, now, strict=False)) if one != other), None)
    begin = max(0, (start if start is not None else min(len(was), len(now))) - _AROUND)
    where = f" from character {begin + 1} on" if begin else ""
    return f"{what}{where}: {shown(was[begin:])} became {shown(now[begin:])}"


def shown(value: object) -> str:
    """A value of a stranger between backticks: nothing hidden, nothing that ends the quotation."""
    text = value if isinstance(value, str) else canonical_json(value)
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return "`" + visible_text(cut).replace("`", "\\u0060") + "`"


def _new(now: Json) -> Iterator[str]:
    yield "new"
    if isinstance(said := now.get("description"), str) and said:
        yield f"description: {shown(said)}"
    for name, schema in _arguments(now.get("inputSchema")).items():
        yield f"argument {shown(name)}, {_need(name, now.get('inputSchema'))}{_type(schema)}"
    for hint, value in _object(now.get("annotations")).items():
        yield f"annotation {shown(hint)} is {shown(value)}"


def _changed(was: Json, now: Json) -> Iterator[str]:
    for part, (what, differences) in _PARTS.items():
        before, after = was.get(part, _NOTHING), now.get(part, _NOTHING)
        if _typed(before) != _typed(after):
            yield from list(differences(what, before, after)) or [f"{what} is written otherwise"]


def _texts(what: str, was: object, now: object) -> Iterator[str]:
    before, after = _text(was), _text(now)
    if before != after:
        yield text_words(what, before, after)


def _hints(what: str, was: object, now: object) -> Iterator[str]:
    before, after = _object(was), _object(now)
    for hint in sorted(before.keys() | after.keys()):
        one, other = before.get(hint, _NOTHING), after.get(hint, _NOTHING)
        if _typed(one) != _typed(other):
            yield f"{what} {shown(hint)}: {_value(one)} became {_value(other)}"


def _schema(what: str, was: object, now: object) -> Iterator[str]:
    yield from _differing_arguments(what, was, now)
    rest = [_object(_without_arguments(one)) for one in (was, now)]
    for key in sorted(rest[0].keys() | rest[1].keys()):
        one, other = (side.get(key, _NOTHING) for side in rest)
        if _typed(one) != _typed(other):
            yield f"{what}, {shown(key)}: {_value(one)} became {_value(other)}"


def _differing_arguments(what: str, was: object, now: object) -> Iterator[str]:
    noun = "argument" if what == "input schema" else "result field"
    before, after = _arguments(was), _arguments(now)
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"{noun} {shown(name)} added, {_need(name, now)}{_type(after[name])}"
        elif name not in after:
            yield f"{noun} {shown(name)} removed"
        else:
            if _need(name, was) != _need(name, now):
                yield f"{noun} {shown(name)} is {_need(name, now)} now"
            yield from _differing(f"{noun} {shown(name)}", before[name], after[name])


def _differing(what: str, was: object, now: object) -> Iterator[str]:
    if _typed(was) == _typed(now):
        return
    one, other = _object(was), _object(now)
    if not one or not other:
        yield f"{what}: {_value(was)} became {_value(now)}"
        return
    for key in sorted(one.keys() | other.keys()):
        before, after = one.get(key, _NOTHING), other.get(key, _NOTHING)
        if _typed(before) == _typed(after):
            continue
        if key == "description" and isinstance(before, str) and isinstance(after, str):
            yield text_words(f"{what}, description", before, after)
        else:
            yield f"{what}, {shown(key)}: {_value(before)} became {_value(after)}"


def _arguments(schema: object) -> Json:
    return _object(_object(schema).get("properties"))


def _without_arguments(schema: object) -> object:
    """The schema but for what `_differing_arguments` tells."""
    if not isinstance(schema, dict):
        return schema
    named = _arguments(schema).keys()
    required = schema.get("required")
    rest = {key: value for key, value in schema.items() if key not in {"properties", "required"}}
    if isinstance(required, list) and (unsaid := [one for one in required if one not in named]):
        rest["required"] = unsaid
    return rest


def _need(name: str, schema: object) -> str:
    required = _object(schema).get("required")
    return "required" if isinstance(required, list) and name in required else "optional"


def _type(schema: object) -> str:
    kind = _object(schema).get("type")
    return f" ({shown(kind)})" if isinstance(kind, str) else ""


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _value(value: object) -> str:
    return "nothing" if value is _NOTHING else shown(value)


def _text(value: object) -> str:
    if value is _NOTHING:
        return ""
    return value if isinstance(value, str) else canonical_json(value)


def _typed(value: object) -> object:
    """What differs if and only if the JSON does: Python alone takes `true` for `1`."""
    return value if value is _NOTHING else canonical_json(value)


_PARTS: Mapping[str, tuple[str, Callable[[str, object, object], Iterator[str]]]] = {
    "title": ("title", _texts),
    "description": ("description", _texts),
    "inputSchema": ("input schema", _schema),
    "outputSchema": ("output schema", _schema),
    "annotations": ("annotation", _hints),
}
