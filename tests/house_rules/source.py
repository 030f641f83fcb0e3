"""A file of the repository, as the rules see it."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "leasehold": "api/leasehold/",
    "leasehold_provider": "provider/leasehold_provider/",
    "leasehold_cdktf": "cdktf/leasehold_cdktf/",
}


@dataclass(frozen=True)
class Source:
    """One file: where it lies, seen from the root, and what is in it."""

    path: str
    text: str

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of a Python file, none of another's."""
        return list(ast.walk(ast.parse(self.text))) if self.path.endswith(".py") else []

    def within(self, *places: str) -> bool:
        """Tell whether the file is one of the places or lies in one that ends in a slash."""
        return any(self.path.startswith(place) if place.endswith("/") else self.path == place for place in places)

    def lines_with_numbers(self) -> Iterator[tuple[int, str]]:
        """Number the lines as editors do."""
        return enumerate(self.text.splitlines(), start=1)


def repository_files() -> list[str]:
    """Return the files that git tracks or would track, and that exist."""
    listed = subprocess.run(
        # A fresh clone may belong to another user than the one who runs the tests.
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted({name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()})


def repository_sources() -> list[Source]:
    """Read every text file of the repository."""
    return [Source(name, text) for name in repository_files() if (text := _text(ROOT / name)) is not None]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a name or a chain of attributes, an empty string for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            before = dotted(value)
            return f"{before}.{attribute}" if before else ""
        case _:
            return ""


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """Return line and full name of every module that the file imports, also by `import_module("…")`."""
    for node in source.nodes:
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module
            case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
                if dotted(function) in {"importlib.import_module", "import_module", "__import__"}:
                    yield node.lineno, name
