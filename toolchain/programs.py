"""Find, probe and wrap executable files: the vocabulary that every tool's module shares."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROBE_SECONDS = 60  # a cold disk may take long to page in a 170 MB library


class ToolMissingError(Exception):
    """A program that cannot be found here and cannot be provided; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that is ready to run."""

    name: str
    version: str
    path: Path
    origin: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.origin})"


def tell(line: str) -> None:
    """Write one line of progress to standard error; standard output belongs to the caller."""
    sys.stderr.write(f"toolchain: {line}\n")
    sys.stderr.flush()


def search_path(own: Path) -> str:
    """Return the caller's PATH without our own folder, so that a launcher never finds itself."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if entry and not _inside(entry, own))


def find_on_path(name: str, own: Path) -> Path | None:
    """Return the first executable `name` on PATH outside of `own`."""
    found = shutil.which(name, path=search_path(own))
    return Path(found).absolute() if found else None


def run(argv: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of ours without input and capture what it says."""
    return subprocess.run(  # noqa: S603  the programs are this package's own findings
        [str(part) for part in argv],
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
        check=False,
    )


def probe(argv: Sequence[str | Path], pattern: str) -> str | None:
    """Return what `pattern` captures from the program's output, None when it does not run as hoped."""
    # A user's TF_CLI_ARGS or NODE_OPTIONS must not colour what we learn about the bare program.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "NODE_OPTIONS"))}
    try:
        answer = run(argv, environment | {"CHECKPOINT_DISABLE": "1"})
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(pattern, answer.stdout) if answer.returncode == 0 else None
    return found.group(1) if found else None


def write_launcher(path: Path, command: Sequence[str | Path]) -> None:
    """Make `path` an executable that becomes `command`: exec keeps the process id, so signals reach the program."""
    words = " ".join(shlex.quote(str(part)) for part in command)
    write_if_changed(path, f'#!/bin/sh\nexec {words} "$@"\n', mode=0o755)


def write_if_changed(path: Path, text: str, mode: int = 0o644) -> None:
    """Write `text` atomically, and not at all when it already stands there."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text)
    partial.chmod(mode)
    partial.replace(path)


def _inside(entry: str, own: Path) -> bool:
    return Path(entry).absolute().is_relative_to(own.absolute())
