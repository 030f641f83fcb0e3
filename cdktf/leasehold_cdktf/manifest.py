"""A Kubernetes manifest: YAML documents in, YAML documents out, nothing reinterpreted on the way."""

from __future__ import annotations

import copy
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Document = dict[str, Any]  # Any: Kubernetes objects are open-ended
ManifestSource: TypeAlias = "str | Path | Sequence[Mapping[str, Any]] | Manifest"

_HEADER = "# Rendered by leasehold_cdktf. Change the manifest it was made from, and synthesise again.\n"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_INTEGER = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: no timestamps, no base-60 numbers, no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT002
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise ValueError(f"line {key_node.start_mark.line + 1}: key `{key}` stands twice in one mapping")
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_TIMESTAMP, _INTEGER, _FLOAT}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _INTEGER, re.compile(r"[-+]?(?:0b[01]+|0x[0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    _FLOAT, re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z"), list("-+0123456789.")
)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _data: object) -> bool:
        return True  # an anchor shared by two places would tie them together for the next editor

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT002, ARG002
        super().increase_indent(flow, indentless=False)


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    # PyYAML writes Unicode's own line breaks into single quotes, where they read back as spaces.
    broken = any(character in value for character in "\x85\u2028\u2029")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if broken else None)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The documents of a Kubernetes manifest, in order."""

    documents: tuple[Document, ...]

    @classmethod
    def read(cls, source: ManifestSource) -> Manifest:
        """Read YAML text, a YAML file or documents; the source stays untouched.

        Raises:
            ValueError: this is no YAML, not a manifest, or a mapping holds a key twice.
            OSError: the file cannot be read.
        """
        if isinstance(source, Manifest):
            return cls(copy.deepcopy(source.documents))
        if isinstance(source, (str, Path)):
            return cls(_parse(source.read_text() if isinstance(source, Path) else source, source))
        return cls(_checked(copy.deepcopy([dict(document) for document in source]), "the manifest"))

    def render(self) -> str:
        """The manifest as YAML text: the same documents always give the same text."""
        return _HEADER + yaml.dump_all(
            self.documents, Dumper=_Dumper, sort_keys=False, explicit_start=True, allow_unicode=True, width=1000
        )

    def write(self, path: Path | str) -> Path:
        """Write `render()` to a file, and return its path."""
        target = Path(path)
        target.write_text(self.render())
        return target


def _parse(text: str, source: str | Path) -> tuple[Document, ...]:
    origin = f"`{source}`" if isinstance(source, Path) else "the manifest"
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except yaml.YAMLError as error:
        raise ValueError(f"{origin} is not valid YAML: {error}") from error
    if isinstance(source, str) and len(documents) == 1 and isinstance(documents[0], str):
        raise ValueError(f"`{source[:80]}` is not a manifest: to read a file, pass a pathlib.Path")
    return _checked(documents, origin)


def _checked(documents: list[Any], origin: str) -> tuple[Document, ...]:
    for number, document in enumerate(documents, start=1):
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise ValueError(f"document {number} of {origin} is not a Kubernetes object: it has no `kind`")  # noqa: TRY004  the input's fault, like every other
    return tuple(documents)
