"""The first module of the single file: finds the compiled modules of this very build, or compiles them once.

Packed under its own name at the top of the archive, so it imports nothing of the package. The compiled modules are kept
in a folder for temporary files that only this user can enter: not in a cache that a CI system would carry from one
branch to another. The name holds the digest of the sources and the interpreter's tag, so nothing stale is ever used.
"""

# ruff: noqa: PTH102, PTH105, PTH110, PTH118, PTH123, SIM105 -- pathlib and contextlib cost the handshake 5 ms

from __future__ import annotations

import marshal
import os
import sys
from zipimport import zipimporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any, TypeAlias

    Modules: TypeAlias = "dict[str, tuple[bool, bytes]]"
    """For each module whether it is a package, and its marshalled code."""

DIGEST = "@DIGEST@"
ENTRY = "@ENTRY@"
FILES = "@FILES@"

_PRIVATE = 0o700
_KIND, _DIRECTORY = 0o170000, 0o040000
# importlib.machinery would cost a millisecond to import; every module carries an instance of its ModuleSpec.
_SPEC: Any = type(sys.__spec__)


class CompiledModules:
    """An importer of modules that are in memory."""

    def __init__(self, modules: Modules, archive: str) -> None:
        self._modules = modules
        self._archive = archive

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find one of our modules."""
        del path, target
        if name not in self._modules:
            return None
        is_package = self._modules[name][0]
        spec = _SPEC(name, self, is_package=is_package, origin=self._archive)
        if is_package:
            spec.submodule_search_locations = [f"{self._archive}/{name.replace('.', '/')}"]
        found: ModuleSpec = spec
        return found

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the interpreter."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's code."""
        code: CodeType = marshal.loads(self._modules[module.__name__][1])  # noqa: S302 -- our own, see _trusted
        exec(code, module.__dict__)  # noqa: S102 -- this is what an importer does


def main(archive: str) -> None:
    """Start the provider in this archive."""
    modules = compiled_modules(archive)
    sys.meta_path.insert(0, CompiledModules(modules, archive))
    home, _, name = ENTRY.partition(":")
    getattr(__import__(home, fromlist=[name]), name)()


def compiled_modules(archive: str) -> Modules:
    """Return every module compiled, as an earlier start kept it or this one can keep it; otherwise none."""
    try:
        folder = _folder()
        kept = os.path.join(folder, f"{DIGEST}-{sys.implementation.cache_tag}")
        if os.path.exists(kept):
            return _read(kept)
        modules = _compile(archive)
        _write(kept, modules)
    except (OSError, ValueError, EOFError, TypeError):
        return {}  # nowhere to keep it, or not to be trusted: the zip on sys.path serves, only slower
    return modules


def _folder() -> str:
    """Return the folder to keep compiled modules in. Raises OSError if it is not ours alone."""
    base = os.environ.get("XDG_RUNTIME_DIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 -- checked below
    folder = os.path.join(base, f"leasehold-provider-{os.geteuid()}")
    try:
        os.mkdir(folder, _PRIVATE)
    except FileExistsError:
        pass
    found = os.lstat(folder)  # lstat: a link to somewhere else is not ours
    is_directory = found.st_mode & _KIND == _DIRECTORY
    if not is_directory or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError("somebody else's folder")
    return folder


def _read(kept: str) -> Modules:
    descriptor = os.open(kept, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise PermissionError("somebody else's file")
        modules: Modules = marshal.loads(file.read())  # noqa: S302 -- written by us, in a folder only we can enter
    if modules.__class__ is not dict:
        raise ValueError("not what we wrote")
    return modules


def _compile(archive: str) -> Modules:
    read = zipimporter(archive).get_data
    return dict(_compiled(file, read(f"{archive}/{file}")) for file in FILES.split())


def _compiled(file: str, source: bytes) -> tuple[str, tuple[bool, bytes]]:
    is_package = file.endswith("/__init__.py")
    name = file[: -len("/__init__.py" if is_package else ".py")].replace("/", ".")
    return name, (is_package, marshal.dumps(compile(source, file, "exec", dont_inherit=True)))


def _write(kept: str, modules: Modules) -> None:
    """Keep compiled modules; two first starts at once each write their own file and the last rename wins."""
    draft = f"{kept}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(marshal.dumps(modules))
    os.replace(draft, kept)
