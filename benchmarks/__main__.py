"""Run benchmarks by name: `python -m benchmarks [NAME …]`, all of them without a name."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def names() -> list[str]:
    """Every module of this package that offers `figures()`."""
    found = (m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return sorted(name for name in found if name not in {"__main__", "figure"})


def main(asked: list[str]) -> int:
    """Print each figure as it is measured; exit 2 on an unknown name."""
    unknown = [name for name in asked if name not in names()]
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(names())}", file=sys.stderr)
        return 2
    for name in asked or names():
        for figure in importlib.import_module(f"benchmarks.{name}").figures():
            print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
