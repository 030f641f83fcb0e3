"""A synthesised stack, read back: the Leasehold resources that Terraform will be given, with references resolved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leasehold_cdktf._cdk import cdk

Synthesised = cdk.TerraformStack | str | Mapping[str, Any]  # Any: JSON
Attributes = Mapping[str, Any]

_REFERENCE = re.compile(r"\$\{(leasehold_\w+)\.([\w-]+)\.(?:name|id)\}")


@dataclass(frozen=True, slots=True)
class Picture:
    """What one or more stacks declare together: attributes by resource type and registry name."""

    resources: Mapping[str, Mapping[str, Attributes]]

    @classmethod
    def of(cls, stacks: Synthesised | Sequence[Synthesised]) -> Picture:
        """Read stacks, or what `Testing.synth` or `cdktf synth` made of them.

        Raises:
            ValueError: a text is not the JSON of a stack.
        """
        several = [stacks] if isinstance(stacks, (cdk.TerraformStack, str, Mapping)) else stacks
        merged: dict[str, dict[str, Attributes]] = {}
        for one in several:
            for kind, name, attributes in _named(_blocks(one)):
                merged.setdefault(kind, {})[name] = attributes
        return cls(merged)

    def all(self, kind: str) -> Mapping[str, Attributes]:
        """Every resource of a type, by registry name; grants by Terraform local name."""
        return self.resources.get(kind, {})

    def find(self, kind: str, name: str) -> Attributes | None:
        """One resource by registry name."""
        return self.all(kind).get(name)


def is_unknown(value: object) -> bool:
    """True if a value, or anything in it, is known only when Terraform applies."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, Mapping):
        return any(map(is_unknown, value)) or any(map(is_unknown, value.values()))
    return isinstance(value, list) and any(is_unknown(item) for item in value)


def _blocks(stack: Synthesised) -> Mapping[str, Mapping[str, Attributes]]:
    if isinstance(stack, Mapping):
        found = stack
    else:
        text = stack if isinstance(stack, str) else cdk.Testing.synth(stack)
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"this is not a synthesised stack: {error}") from error
    resources = found.get("resource", {})
    return {kind: blocks for kind, blocks in resources.items() if kind.startswith("leasehold_")}


def _named(blocks: Mapping[str, Mapping[str, Attributes]]) -> Iterable[tuple[str, str, Attributes]]:
    for kind, resources in blocks.items():
        for local, attributes in resources.items():
            resolved = {key: _resolve(value, blocks) for key, value in attributes.items()}
            yield kind, str(resolved.get("name", local)), resolved


def _resolve(value: Any, blocks: Mapping[str, Mapping[str, Attributes]]) -> Any:  # Any: JSON in, JSON out
    if isinstance(value, list):
        return [_resolve(item, blocks) for item in value]
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    return blocks.get(match[1], {}).get(match[2], {}).get("name", value)
