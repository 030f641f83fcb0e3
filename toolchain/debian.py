"""Packages of Debian's archive, fetched by apt with lists and caches of their own: nothing is installed.

Apt checks Debian's signatures; whoever asks needs no rights beyond their own folder.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain.programs import ToolMissingError, run

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive whose lists were read. `apt` is the command, with its settings."""

    apt: tuple[str, ...]

    def download(self, packages: Sequence[str], folder: Path) -> None:
        """Put packages into a folder."""
        _run([*self.apt, "download", *packages], folder)

    def source(self, package: str, folder: Path) -> None:
        """Put a source package into a folder."""
        _run([*self.apt, "source", "--download-only", package], folder)


def open_archive(work: Path, suite: str | None = None) -> Archive:
    """Read the lists of the archive that this machine installs from; of its own suite, unless another is named."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    uri, own = _archive()
    sources = work / "sources.list"
    archive = f"[signed-by={_KEYRING}] {uri} {suite or own} main"
    sources.write_text(f"deb {archive}\ndeb-src {archive}\n" if suite is not None else f"deb {archive}\n")
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    apt = ("apt-get", "-qq", *options)
    _run([*apt, "update"], work)
    return Archive(apt)


def _archive() -> tuple[str, str]:
    """Return the Debian archive that this machine installs from, and its suite."""
    said = "$(REPO_URI) $(CODENAME) $(ORIGIN)"
    listed = run(["apt-get", "indextargets", "--format", said, "Created-By: Packages"])
    archives = [line.split()[:2] for line in listed.stdout.splitlines() if line.endswith(" Debian")]
    plain = [(uri, suite) for uri, suite in archives if "security" not in uri and "-" not in suite]
    if not plain or not _KEYRING.is_file():
        raise ToolMissingError("it is taken from Debian: apt knows no archive of it here")
    return plain[0]


def _run(words: Sequence[str], folder: Path) -> None:
    done = subprocess.run(["nice", *words], cwd=folder, stdin=subprocess.DEVNULL, check=False)  # noqa: S603, S607  apt
    if done.returncode != 0:
        raise ToolMissingError(f"`apt-get {words[-1]}` failed (its message stands above)")
