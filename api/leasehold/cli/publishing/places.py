"""Where in the repository a resource is declared: scanners show a finding beside the line that it speaks of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FILES, _BYTES = 5_000, 1_048_576
_SKIPPED = frozenset({"node_modules", "cdktf.out"})
_ADDRESS = re.compile(r"(leasehold_[a-z_]+)\.([A-Za-z0-9_-]+)(?:\[.*\])?\Z", re.DOTALL)
_RESOURCE = re.compile(r'^[ \t]*resource[ \t]+"(leasehold_[a-z_]+)"[ \t]+"([A-Za-z0-9_-]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, seen from the root of the repository."""

    path: str
    line: int


class Places:
    """The places of all resources below a folder, read once."""

    def __init__(self, root: Path) -> None:
        self._found: Mapping[tuple[str, str], Place] = dict(_declarations(root))
        self._fallback = _fallback(root)

    def of(self, address: str | None) -> Place:
        """Where an address is declared; the first file of the configuration if nobody can tell."""
        parts = _ADDRESS.search(address or "")
        found = self._found.get((parts[1], parts[2])) if parts else None
        return found or self._fallback


def _declarations(root: Path) -> Iterator[tuple[tuple[str, str], Place]]:
    for path in reversed(list(_files(root, ".tf"))):  # of two with one label, the first by name
        text = _text(path)
        for found in _RESOURCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield (found[1], found[2]), Place(path.relative_to(root).as_posix(), line)


def _fallback(root: Path) -> Place:
    for name in ("cdktf.json", "main.tf"):
        if (root / name).is_file():
            return Place(name, 1)
    first = next(_files(root, ".tf"), None)
    return Place(first.relative_to(root).as_posix() if first else "main.tf", 1)


def _files(root: Path, ending: str) -> Iterator[Path]:
    seen = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            seen += name.endswith(ending)
            if name.endswith(ending) and seen <= _FILES:
                yield Path(folder) / name


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size <= _BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""
