"""What a stack declares, out of a Terraform state, a plan as JSON, or a folder that Terraform works in.

Only resources of the provider `…/leasehold/leasehold` leave this machine. Values that Terraform marks sensitive stay
here too, and are named as unknown.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible

_STACK = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_PROVIDER = re.compile(r'(?:provider\[")?(?:[^/"\[\]]+/)?leasehold/leasehold(?:"\](?:\.[A-Za-z0-9_-]+)?)?')
_STATE_VERSION = 4
_MAKE_JSON = "run `terraform show -json FILE > FILE.json` first"
Json = dict[str, Any]  # Any: Terraform's documents are read, never written
_GATE = "leasehold_gate"  # declares nothing: it is where the provider has the plan reviewed
_OF_ANY_TYPE = {"leasehold_user": ("attributes",), "leasehold_resource": ("attributes",)}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a stack's declaration comes from: `state`, `plan` or `terraform-dir`."""

    kind: str
    stack: str
    path: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """The resources of a stack. `incomplete` says why Terraform itself does not know them all, `""` if it does.

    `removes` are those that a plan takes away; None of what is no plan.
    """

    stack: str
    resources: tuple[Json, ...]
    incomplete: str = ""
    removes: tuple[Json, ...] | None = None


def source(kind: str, argument: str, default_stack: str | None) -> Source:
    """Read `STACK=PATH`, or a path alone for the default stack."""
    named, path = split_stack(argument)
    stack = named if named is not None else default_stack
    if stack is None:
        raise Failure("which stack is this?", where=visible(argument), next_step="write STACK=PATH, or give --stack")
    if not _STACK.fullmatch(stack):
        raise Failure(f"`{visible(stack)}` is no name of a stack")
    return Source(kind, stack, path)


def is_stack(name: str) -> bool:
    """True for what may name a stack."""
    return _STACK.fullmatch(name) is not None


def split_stack(argument: str) -> tuple[str | None, str]:
    """`STACK=PATH`, or a path alone."""
    before, separator, after = argument.partition("=")
    return (before, after) if separator and is_stack(before) else (None, argument)


def read_source(of: Source) -> Declaration:
    """What the stack declares. Raises `Failure` if the file is not what it is said to be."""
    document = _shown(of.path) if of.kind == "terraform-dir" else _loaded(of.path)
    try:
        return _declaration(of, document)
    except (AttributeError, KeyError, TypeError):
        raise Failure("its resources are not as Terraform writes them", where=visible(of.path)) from None


def _declaration(of: Source, document: Json) -> Declaration:
    if of.kind == "plan":
        if "planned_values" not in document:
            raise Failure("this is no plan in JSON", where=visible(of.path), next_step=_MAKE_JSON)
        planned, removed = tuple(_planned(document)), tuple(_removed(document))
        return Declaration(of.stack, planned, _why_incomplete(document), removed)
    if "planned_values" in document:
        raise Failure("this is a plan, not a state", where=visible(of.path), next_step="use --plan")
    if document.get("version") == _STATE_VERSION:
        return Declaration(of.stack, tuple(_of_state_file(document)))
    if "format_version" in document:
        return Declaration(of.stack, tuple(_of_module(document.get("values", {}).get("root_module", {}), {})))
    raise Failure("this is no Terraform state", where=visible(of.path), next_step=_MAKE_JSON)


def what_is(path: str) -> str:
    """The kind of a source: a folder that Terraform works in, a plan, or a state."""
    if Path(path).is_dir():
        return "terraform-dir"
    return "plan" if "planned_values" in _loaded(path) else "state"


def _loaded(path: str) -> Json:
    try:
        raw = Path(path).read_bytes()
    except FileNotFoundError:
        step = "did the step that writes it succeed? its log says why not"
        raise Failure("the file cannot be read: it is not there", where=visible(path), next_step=step) from None
    except OSError as error:
        raise Failure(f"the file cannot be read ({error.strerror})", where=visible(path)) from None
    return _parsed(raw, path)


def _shown(folder: str) -> Json:
    try:
        shown = subprocess.run(
            ["terraform", "show", "-json", "-no-color"],  # noqa: S607  whichever terraform the user works with
            cwd=folder,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise Failure(f"terraform does not start ({error.strerror})", where=visible(folder)) from None
    if shown.returncode != 0:
        said = shown.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise Failure(f"terraform show failed: {visible(said[0])}", where=visible(folder), next_step="terraform init?")
    return _parsed(shown.stdout, folder)


def _parsed(raw: bytes, where: str) -> Json:
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        raise Failure("is not JSON", where=visible(where), next_step=_MAKE_JSON) from None
    if not isinstance(parsed, dict):
        raise Failure("is not a JSON object", where=visible(where), next_step=_MAKE_JSON)
    return parsed


def _of_state_file(document: Json) -> Iterator[Json]:
    """Resources of a state file, version 4."""
    for found in document.get("resources", []):
        if found.get("mode") != "managed" or not _is_ours(found.get("provider"), found.get("type")):
            continue
        prefix = f"{found['module']}." if found.get("module") else ""
        for instance in found.get("instances", []):
            if instance.get("deposed"):
                continue
            address = f"{prefix}{found['type']}.{found['name']}{_index(instance.get('index_key'))}"
            masked = {path[0].get("value") for path in instance.get("sensitive_attributes", []) if path}
            yield _row(found["type"], address, _plain(found["type"], instance.get("attributes") or {}), masked)


def _plain(type_name: str, values: Json) -> Json:
    """A state file wraps a value of any type together with its type."""
    wrapped = {name: _as_dict(values.get(name)).get("value") for name in _OF_ANY_TYPE.get(type_name, ())}
    return values | wrapped


def _of_module(module: Json, changes: Mapping[str, Json]) -> Iterator[Json]:
    """Resources of a module in Terraform's JSON, and of the modules within."""
    for found in module.get("resources", []):
        if found.get("mode") != "managed" or not _is_ours(found.get("provider_name"), found.get("type")):
            continue
        if found.get("deposed_key"):
            continue
        masks = (_as_dict(found.get("sensitive_values")), changes.get(found["address"], {}))
        hidden = {name for mask in masks for name, inner in mask.items() if _any_true(inner)}
        yield _row(found["type"], found["address"], found.get("values") or {}, hidden)
    for child in module.get("child_modules", []):
        yield from _of_module(child, changes)


def _planned(document: Json) -> Iterator[Json]:
    """What would be there: what is planned, and what the plan leaves alone.

    A plan of some targets, or of a refresh alone, has nothing but those among its planned values.
    """
    changes = [one for one in document.get("resource_changes", []) if not one.get("deposed")]
    unknown = {one["address"]: _as_dict(one.get("change", {}).get("after_unknown")) for one in changes}
    planned = list(_of_module(document["planned_values"].get("root_module", {}), unknown))
    prior = _as_dict(_as_dict(document.get("prior_state")).get("values")).get("root_module", {})
    gone = {one.get(name) for one in changes for name in ("address", "previous_address")}
    elsewhere = gone | {one["address"] for one in planned}
    yield from planned
    yield from (one for one in _of_module(prior, {}) if one["address"] not in elsewhere)


def _removed(document: Json) -> Iterator[Json]:
    for one in document.get("resource_changes", []):
        change = _as_dict(one.get("change"))
        name = _as_dict(change.get("before")).get("id")
        goes = "delete" in change.get("actions", []) and not one.get("deposed")
        if goes and isinstance(name, str) and _is_ours(one.get("provider_name"), one.get("type")):
            yield {"type": one["type"], "id": name}


def _why_incomplete(document: Json) -> str:
    if document.get("errored"):
        return "the plan stopped with an error"
    if document.get("deferred_changes") or document.get("complete") is False:
        return "the plan is of some targets alone, or defers changes"
    return ""


def _row(type_name: str, address: str, values: Json, hidden: set[str]) -> Json:
    shown = {name: value for name, value in values.items() if name not in hidden}
    return {"type": type_name, "address": address, "values": shown, "unknown": sorted(hidden)}


def _is_ours(provider: object, type_name: object) -> bool:
    return (
        isinstance(provider, str)
        and _PROVIDER.fullmatch(provider) is not None
        and isinstance(type_name, str)
        and type_name.startswith("leasehold_")
        and type_name != _GATE
    )


def _index(key: object) -> str:
    return "" if key is None else f"[{json.dumps(key)}]"


def _any_true(mask: object) -> bool:
    """Terraform's masks mirror the value: true anywhere inside marks the whole attribute."""
    if isinstance(mask, Mapping):
        return any(_any_true(inner) for inner in mask.values())
    if isinstance(mask, list):
        return any(_any_true(inner) for inner in mask)
    return mask is True


def _as_dict(found: object) -> Json:
    return found if isinstance(found, dict) else {}
