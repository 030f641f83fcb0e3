"""Where Terraform looks for a provider without a registry, and what its lock file will say of it."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from base64 import b64encode
from pathlib import Path

from leasehold_provider import __version__

EXECUTABLE = f"terraform-provider-leasehold_v{__version__}"
HOSTS = ("registry.terraform.io", "registry.opentofu.org")
"""What `leasehold/leasehold` means to Terraform and to OpenTofu."""
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "i386": "386", "i686": "386"}


def terraform_platform() -> str:
    """Return this machine in Terraform's spelling, such as `linux_amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def default_plugins() -> Path:
    """Return the folder that Terraform searches without being configured."""
    return Path.home() / ".terraform.d" / "plugins"


def place_in(plugins: Path, host: str) -> Path:
    """Return the path of the executable in a filesystem mirror."""
    return plugins / host / "leasehold" / "leasehold" / __version__ / terraform_platform() / EXECUTABLE


def install(executable: bytes, plugins: Path, hosts: tuple[str, ...] = HOSTS) -> list[Path]:
    """Write the executable to a filesystem mirror, in one step per place; a running Terraform keeps the old file."""
    places = [place_in(plugins, host) for host in hosts]
    for place in places:
        write_executable(place, executable)
    return places


def write_executable(place: Path, executable: bytes) -> None:
    """Put an executable file at `place`; nobody ever sees a part of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{place.name}.{os.getpid()}")
    fresh.write_bytes(executable)
    fresh.chmod(0o755)
    fresh.replace(place)


def lock_hash(executable: bytes) -> str:
    """Return the `h1:` hash that Terraform's lock file holds (golang.org/x/mod/sumdb/dirhash, Hash1)."""
    summary = f"{hashlib.sha256(executable).hexdigest()}  {EXECUTABLE}\n"
    return "h1:" + b64encode(hashlib.sha256(summary.encode()).digest()).decode()


def python_advice() -> str | None:
    """Say what is slow or missing about the `python3` that Terraform will start; None if nothing is."""
    python = os.environ.get("LEASEHOLD_PYTHON") or shutil.which("python3")
    if python is None:
        return "no python3 on PATH: set LEASEHOLD_PYTHON to an interpreter of Python 3.9 or newer"
    if "shims" in Path(python).parts:
        return f"`{python}` is a shim, which costs 60 ms per start: set LEASEHOLD_PYTHON={sys.executable}"
    return None
