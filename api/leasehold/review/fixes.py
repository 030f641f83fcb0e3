"""The ways out of a finding, ready to copy: shell words and HCL strings are quoted against whatever they hold."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace

from leasehold.model.exceptions import EXCEPTION_DAYS_MAX
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.plain import plain_value
from leasehold.review.construct_code import construct
from leasehold.review.declared import NAMED_AFTER, RESOURCE_TYPES, DeclaredObject
from leasehold.review.drafts import Draft
from leasehold.review.findings import DriftClass, Fix
from leasehold.review.worlds import Key

_LABEL = re.compile(r"[^a-z0-9_]+")
_LABEL_LIMIT = 60
_SHORT = 12
_SAY_WHY = "say why this is accepted"
_SAY_WHEN = "say until when, at most 30 days ahead"
_HCL_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN = re.compile(r"[A-Za-z0-9 _.,:;/@*+=~-]*")
_BASIC_PLANE = 0xFFFF


def fix_for_unmanaged(key: Key, live: Spec, *, claimed: bool) -> Fix:
    """Take it away (the next apply does so where the set of grants is claimed), or declare and import it."""
    kind, name = key
    label = label_of(name)
    delete = f"leasehold object delete {kind.value} {shlex.quote(name)}"
    return Fix(
        revert="terraform apply" if claimed and kind is Kind.GRANTS else delete,
        adopt_hcl=resource_block(RESOURCE_TYPES[kind], label, hcl_attributes(name, kind, live)),
        import_=f"import {{\n  to = {RESOURCE_TYPES[kind]}.{label}\n  id = {hcl_string(name)}\n}}\n",
        adopt_cdktf=construct(name, live),
    )


def fix_for_declared(declared: DeclaredObject, live: Spec | None) -> Fix:
    """Apply the stack again, or declare what lives (nothing, if the object is gone)."""
    if live is None:
        return Fix(revert="terraform apply")
    attributes = hcl_attributes(declared.name, declared.kind, live)
    label = declared.address.rpartition(".")[2].partition("[")[0]
    block = resource_block(RESOURCE_TYPES[declared.kind], label_of(label), attributes)
    return Fix("terraform apply", block, adopt_cdktf=construct(declared.name, live))


def with_exception(fix: Fix, draft: Draft, fingerprint: str) -> Fix:
    """The same, and how to accept the finding for some days, where it can be accepted."""
    if draft.class_ is DriftClass.CONFLICT or draft.key[0] is Kind.DRIFT_EXCEPTIONS:
        return fix
    name = f"accept-{fingerprint.removeprefix('sha256:')[:_SHORT]}"
    attributes: dict[str, object] = {
        "name": name,
        "fingerprint": fingerprint,
        "reason": _SAY_WHY,
        "expires_at": _SAY_WHEN,
    }
    block = resource_block(RESOURCE_TYPES[Kind.DRIFT_EXCEPTIONS], label_of(name), attributes)
    return replace(fix, exception=block, except_days_max=EXCEPTION_DAYS_MAX)


def resource_block(type_name: str, label: str, attributes: dict[str, object]) -> str:
    """One resource as HCL, as `terraform fmt` leaves it."""
    return f'resource "{type_name}" "{label}" {_body(attributes, "")}\n'


def hcl_attributes(name: str, kind: Kind, spec: Spec) -> dict[str, object]:
    """The attributes of a resource: its name where it has one of its own, then all that are not defaults."""
    named: dict[str, object] = {NAMED_AFTER.get(kind, "name"): name}
    if kind in {Kind.GRANTS, Kind.RELATIONS}:  # the name is computed
        named = {}
    return named | _given(spec)


def hcl(value: object, indent: str) -> str:
    """One value as HCL."""
    if isinstance(value, str):
        return hcl_string(value)
    if isinstance(value, list):
        return "[" + ", ".join(hcl(one, indent) for one in value) + "]"
    if isinstance(value, dict):
        return _body({_key(key): one for key, one in value.items()}, indent)
    return json.dumps(value)


def _body(attributes: Mapping[str, object], indent: str) -> str:
    """Attributes in braces. Values of one line are aligned, those of several stand by themselves."""
    inner = indent + "  "
    width = max((len(name) for name, value in attributes.items() if not isinstance(value, dict)), default=0)
    lines = [
        f"{inner}{name if isinstance(value, dict) else name.ljust(width)} = {hcl(value, inner)}\n"
        for name, value in attributes.items()
    ]
    return f"{{\n{''.join(lines)}{indent}}}"


def hcl_string(value: str) -> str:
    """A quoted template that holds no template: `${` and `%{` are doubled, and what does not print is escaped."""
    if _PLAIN.fullmatch(value):
        return f'"{value}"'
    escaped = "".join(_HCL_ESCAPES.get(c) or (c if " " <= c <= "~" else _code_point(c)) for c in value)
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def _code_point(character: str) -> str:
    point = ord(character)
    return f"\\u{point:04x}" if point <= _BASIC_PLANE else f"\\U{point:08x}"


def label_of(name: str) -> str:
    """A Terraform label out of any name."""
    label = _LABEL.sub("_", name.lower()).strip("_")[:_LABEL_LIMIT] or "unnamed"
    return label if label[0].isalpha() else f"_{label}"


def _given(spec: object) -> dict[str, object]:
    """The attributes of a dataclass that differ from their defaults, in order of declaration."""
    given: dict[str, object] = {}
    for f in fields(spec):  # type: ignore[arg-type]  # specs are dataclasses
        value = getattr(spec, f.name)
        default = f.default_factory() if f.default_factory is not MISSING else f.default
        if default is not MISSING and value == default:
            continue
        given[f.name] = _given(value) if is_dataclass(value) else _plain(value)
    return given


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _given(one) if is_dataclass(one) else plain_value(one) for key, one in sorted(value.items())}
    return plain_value(value)


def _key(key: object) -> str:
    text = str(key)
    return text if re.fullmatch(r"[a-z_][a-z0-9_]*", text) else hcl_string(text)
