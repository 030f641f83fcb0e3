"""What cdktf synthesised, read without Terraform: the values of resources, and what refers to what.

A value that only a plan can know stays unknown, and is named: it is never taken for unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.sources import Declaration, Json, is_stack

_FILE = "cdk.tf.json"
_OF_TERRAFORM = frozenset({"//", "depends_on", "lifecycle", "provider", "provisioner", "connection"})
_REFERENCE = re.compile(r"\$\{(leasehold_[a-z_]+)\.([A-Za-z0-9_-]+)\.([a-z_]+)\}")
# a longer run of `$` may be read in two ways: it is taken for neither
_TOKEN = re.compile(rf"\${{3,}}\{{|%{{3,}}\{{|\$\$\{{|%%\{{|{_REFERENCE.pattern}|\$\{{|%\{{")
_SET, _EDGES = "leasehold_agent_grants_exclusive", frozenset({"leasehold_grant", "leasehold_relation"})
_DEPTH = 8
_ESCAPES = frozenset({"$${", "%%{"})
_REPEATS = frozenset({"count", "for_each", "dynamic"})
_UNKNOWN = object()
Value = Any  # Any: configuration of every shape


def is_synthesised(folder: Path) -> bool:
    """True for `cdktf.out`, and for the folder of one stack within it."""
    return (folder / _FILE).is_file() or (folder / "manifest.json").is_file()


def read_synthesised(folder: Path, stack: str | None) -> list[Declaration]:
    """The stacks in the folder; only `stack` if it is given. Raises `Failure`."""
    found = [_declaration(path, stack) for path in _files(folder)]
    chosen = [one for one in found if one is not None and stack in {None, one.stack}]
    if not chosen:
        wanted = f"no stack `{visible(stack)}`" if stack is not None else "no stack of Leasehold"
        raise Failure(f"{wanted} was synthesised there", where=visible(str(folder)), next_step="cdktf synth")
    return chosen


def _files(folder: Path) -> list[Path]:
    if (folder / _FILE).is_file():
        return [folder / _FILE]
    return sorted(folder.glob(f"stacks/*/{_FILE}"))


def _declaration(path: Path, stack: str | None) -> Declaration | None:
    document = _loaded(path)
    try:
        named = _named(document) or stack or path.parent.name
        if not is_stack(named):
            raise Failure(f"`{visible(named)}` is no name of a stack", where=visible(str(path)))
        reader = _Reader(document.get("resource", {}))
        rows = tuple(reader.rows())
    except (AttributeError, TypeError, ValueError, RecursionError):
        raise Failure("its resources are not as cdktf writes them", where=visible(str(path))) from None
    repeated = "resources are repeated, which only a plan counts" if reader.repeated else ""
    return Declaration(named, rows, repeated) if rows or _uses_leasehold(document) else None


def _named(document: Json) -> str | None:
    """The stack that the provider block names, if it is written there."""
    provider = document.get("provider", {}).get("leasehold")
    blocks = provider if isinstance(provider, list) else [provider]
    names = {one.get("stack") for one in blocks if isinstance(one, dict)}
    (name, *more) = names or {None}
    return name if isinstance(name, str) and not more and "${" not in name else None


def _uses_leasehold(document: Json) -> bool:
    return "leasehold" in document.get("provider", {})


def _loaded(path: Path) -> Json:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise Failure(f"cannot be read ({error.strerror})", where=visible(str(path))) from None
    except (ValueError, RecursionError):
        raise Failure("is not JSON", where=visible(str(path)), next_step="cdktf synth") from None
    if not isinstance(found, dict):
        raise Failure("is not a JSON object", where=visible(str(path)))
    return found


class _Reader:
    """The resources of one stack; references between them are followed."""

    def __init__(self, resources: Json) -> None:
        self._resources = {kind: named for kind, named in resources.items() if kind.startswith("leasehold_")}
        self.repeated = False

    def rows(self) -> Iterator[Json]:
        for kind, named in sorted(self._resources.items()):
            for label, values in sorted(named.items()):
                yield self._row(kind, label, values)

    def _row(self, kind: str, label: str, given: Json) -> Json:
        repeated = bool(given.keys() & _REPEATS)
        self.repeated |= repeated
        values: Json = {}
        unknown = {"name", "agent", "subject"} if repeated else set()
        references: list[str] = []
        for name, value in given.items():
            if name in _OF_TERRAFORM | _REPEATS:
                continue
            plain, own = _apart(value) if kind == _SET and name == "grants" and isinstance(value, list) else (value, [])
            references += own
            values[name] = self._value(plain, 0)
            if _holds_unknown(values[name]):
                unknown.add(name)
        shown = {name: value for name, value in values.items() if name not in unknown}
        row = {"type": kind, "address": f"{kind}.{label}", "values": shown, "unknown": sorted(unknown)}
        return {**row, "references": {"grants": references}} if references else row

    def _value(self, value: Value, depth: int) -> Value:
        if depth > _DEPTH:
            return _UNKNOWN
        if isinstance(value, dict):
            return {name: self._value(one, depth + 1) for name, one in value.items()}
        if isinstance(value, list):
            return [self._value(one, depth + 1) for one in value]
        return self._text(value, depth) if isinstance(value, str) else value

    def _text(self, text: str, depth: int) -> Value:
        whole = _REFERENCE.fullmatch(text)
        if whole is not None:
            return self._referred(whole[1], whole[2], whole[3], depth)
        parts: list[str] = []
        at = 0
        for token in _TOKEN.finditer(text):
            meant = token[0][1:] if token[0] in _ESCAPES else self._embedded(token, depth)
            if not isinstance(meant, str):
                return _UNKNOWN
            parts += [text[at : token.start()], meant]
            at = token.end()
        return "".join([*parts, text[at:]])

    def _embedded(self, token: re.Match[str], depth: int) -> Value:
        return self._referred(token[1], token[2], token[3], depth) if token[1] else _UNKNOWN

    def _referred(self, kind: str, label: str, attribute: str, depth: int) -> Value:
        named = self._resources.get(kind, {}).get(label)
        if not isinstance(named, dict) or kind in _EDGES:
            return _UNKNOWN
        wanted = ("agent" if kind == _SET else "name") if attribute == "id" else attribute
        return self._value(named[wanted], depth + 1) if wanted in named else _UNKNOWN


def _apart(grants: list[Value]) -> tuple[list[Value], list[str]]:
    """Names of grants as they are, and the addresses of those whose names only follow from what they say."""
    found = [_REFERENCE.fullmatch(one) if isinstance(one, str) else None for one in grants]
    own = [one is not None and one[1] == "leasehold_grant" and one[3] in {"id", "name"} for one in found]
    plain = [one for one, is_own in zip(grants, own, strict=True) if not is_own]
    return plain, [f"{one[1]}.{one[2]}" for one, is_own in zip(found, own, strict=True) if one is not None and is_own]


def _holds_unknown(value: Value) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_unknown, value.values()))
    return any(map(_holds_unknown, value)) if isinstance(value, list) else value is _UNKNOWN
