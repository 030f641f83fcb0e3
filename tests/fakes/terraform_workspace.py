"""A folder in which a real terraform drives the sample provider, cut off from the machine's own configuration."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_PROVIDER = Path(__file__).parents[2] / "provider"
_SAMPLE = Path(__file__).with_name("sample_provider.py")
_SOURCE = "example.com/tests/sample"
_VERSIONS = f"""\
terraform {{
  required_providers {{
    sample = {{ source = "{_SOURCE}" }}
  }}
}}
"""
_DEADLINE = 60.0


def terraform_executable() -> str:
    """Return the terraform under test: LEASEHOLD_TERRAFORM, or the one on PATH."""
    chosen = os.environ.get("LEASEHOLD_TERRAFORM") or shutil.which("terraform")
    if chosen is None:
        raise RuntimeError("no terraform: put one on PATH or name it in LEASEHOLD_TERRAFORM")
    return chosen


class Workspace:
    """Configuration, state and a store of things, with a terraform that knows nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.root = folder / "root"
        plugins = folder / "plugins"
        for path in (self.store, self.root, plugins):
            path.mkdir()
        launcher = plugins / "terraform-provider-sample"
        launcher.write_text(f'#!/bin/sh\nPYTHONPATH="{_PROVIDER}" exec "{sys.executable}" -S "{_SAMPLE}" "$@"\n')
        launcher.chmod(0o755)
        (folder / "rc").write_text(
            f'provider_installation {{\n  dev_overrides {{ "{_SOURCE}" = "{plugins}" }}\n  direct {{}}\n}}\n'
        )
        (self.root / "versions.tf").write_text(_VERSIONS)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "TF_CLI_CONFIG_FILE": str(folder / "rc"),
            "CHECKPOINT_DISABLE": "1",
            "SAMPLE_STORE": str(self.store),
        }

    def write(self, configuration: str, name: str = "main.tf") -> None:
        """Replace the configuration."""
        (self.root / name).write_text(configuration)

    def run(self, *arguments: str, expect: int = 0, **environment: str) -> str:
        """Run terraform to its end and return what it said; another exit status than expected fails the test."""
        done = subprocess.run(
            [terraform_executable(), *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
        said = plain(done.stdout + done.stderr)
        assert done.returncode == expect, said
        return said

    def apply(self, configuration: str | None = None, expect: int = 0) -> str:
        """Apply, after replacing the configuration if one is given."""
        if configuration is not None:
            self.write(configuration)
        return self.run("apply", "-auto-approve", "-no-color", expect=expect)

    def plan(self, configuration: str | None = None, expect: int = 2, **environment: str) -> str:
        """Plan; 2 means changes, 0 none, 1 an error."""
        if configuration is not None:
            self.write(configuration)
        return self.run("plan", "-no-color", "-detailed-exitcode", expect=expect, **environment)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start terraform in a process group of its own, as a terminal would."""
        return subprocess.Popen(
            [terraform_executable(), *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def interrupt(self, running: subprocess.Popen[bytes]) -> str:
        """Press Ctrl-C: the signal reaches terraform and the provider alike."""
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=_DEADLINE)
        return plain(said.decode())

    def journal(self) -> list[str]:
        """Return what the provider was asked so far."""
        path = self.store / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, event: str) -> None:
        """Wait until the journal has an event that starts like this."""
        until(lambda: any(line.startswith(event) for line in self.journal()), f"no {event!r} in {self.journal()}")

    def opened_and_closed(self) -> tuple[list[str], list[str]]:
        """Return the tickets opened and closed so far."""
        events = [line.split() for line in self.journal()]
        return (
            sorted(words[1] for words in events if words[0] == "opened"),
            sorted(words[1] for words in events if words[0] == "closed"),
        )

    def state(self) -> dict[str, Any]:
        """Return the state file."""
        state: dict[str, Any] = json.loads((self.root / "terraform.tfstate").read_text())
        return state

    def instance(self, name: str = "a") -> dict[str, Any]:
        """Return the only instance of a managed resource in the state."""
        for resource in self.state()["resources"]:
            if resource["mode"] == "managed" and resource["name"] == name:
                instance: dict[str, Any] = resource["instances"][0]
                return instance
        raise AssertionError(f"no {name} in the state")

    def providers_running(self) -> list[int]:
        """Return the process ids of provider processes of this workspace."""
        marker = str(self.store).encode()
        return [
            pid
            for pid in _processes()
            if marker in _read(pid, "environ") and b"sample_provider" in _read(pid, "cmdline")
        ]


def until(condition: Any, complaint: str) -> None:
    """Wait for something another process does; the deadline only ends a test that has failed already."""
    deadline = time.monotonic() + _DEADLINE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(complaint)
        time.sleep(0.02)


def plain(said: str) -> str:
    """Return output as one paragraph of words: terraform wraps and frames its messages."""
    return re.sub(r"[\s│╷╵]+", " ", said)


def version() -> tuple[int, int]:
    """Return major and minor version of the terraform under test."""
    said = subprocess.run([terraform_executable(), "version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Terraform v(\d+)\.(\d+)", said)
    assert found is not None, said
    return int(found[1]), int(found[2])


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _read(pid: int, name: str) -> bytes:
    try:
        return (Path("/proc") / str(pid) / name).read_bytes()
    except OSError:
        return b""
