"""The provider's executable: a shell line, then a zip of source and compiled modules; same sources, same bytes.

Terraform's lock file hashes the file, so nothing of this machine goes into it: no path, no time, no compression (zlib
differs between systems). The shell line takes any Python from 3.9 on; one that no compiled tree fits compiles the
source at each start, which works and is slower.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_STORED, ZipFile, ZipInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = Path(__file__).resolve().parent.parent
_BYTECODE = Path(__file__).with_name("bytecode.py")
_NOT_SHIPPED = frozenset({"packaging", "documentation", "__pycache__"})
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE = 0o100644 << 16
# -c instead of the file itself: runpy takes 5 ms to find the same module.
_START = """\
#!/bin/sh
exec "${LEASEHOLD_PYTHON:-python3}" -ISc '
import sys
file = sys.argv[1]
sys.argv[:2] = [file]
sys.path[:0] = [file + "/cp%d%d" % sys.version_info[:2], file + "/src"]
from leasehold_provider.__main__ import main
main()' "$0" "$@"
"""
_MAIN = """\
import sys
sys.path[:1] = [sys.path[0] + "/cp%d%d" % sys.version_info[:2], sys.path[0] + "/src"]
from leasehold_provider.__main__ import main
main()
"""


def build(pythons: Sequence[str] = (sys.executable,)) -> bytes:
    """Return the executable with a compiled tree for each of `pythons`."""
    with TemporaryDirectory() as scratch:
        source = Path(scratch) / "src"
        for module in shipped_modules():
            place = source / "leasehold_provider" / module
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PACKAGE / module, place)
        trees = {"src": source, **_compiled(source, Path(scratch), pythons)}
        return _START.encode() + _zip(trees)


def shipped_modules() -> Iterator[Path]:
    """Yield the modules that run inside Terraform, relative to the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE)
        if not _NOT_SHIPPED.intersection(module.parts):
            yield module


def _compiled(source: Path, scratch: Path, pythons: Sequence[str]) -> dict[str, Path]:
    trees = {}
    for number, python in enumerate(pythons):
        target = scratch / f"compiled-{number}"
        tag = subprocess.run(  # noqa: S603 -- interpreters that the caller named
            [python, "-s", "-S", "-B", str(_BYTECODE), str(source), str(target)],
            env={"PYTHONHASHSEED": "0"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        trees[tag] = target
    return trees


def _zip(trees: dict[str, Path]) -> bytes:
    """Return a zip whose offsets count from the end of the shell line, as zip readers expect of a prefix."""
    packed = io.BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as archive:
        archive.writestr(_entry("__main__.py"), _MAIN)
        for tag, tree in sorted(trees.items()):
            for path in sorted(tree.rglob("*.py*")):
                archive.writestr(_entry(f"{tag}/{path.relative_to(tree).as_posix()}"), path.read_bytes())
    return packed.getvalue()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _EARLIEST)
    entry.create_system = _UNIX
    entry.external_attr = _READABLE
    return entry
