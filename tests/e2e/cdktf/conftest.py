"""Copies of the examples to run things in: the checkout stays as it is."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
Run = Callable[..., str]


@pytest.fixture
def examples(tmp_path) -> Path:
    """A copy of `examples/`."""
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns("__pycache__", "cdktf.out", ".terraform*"))
    return copy


@pytest.fixture
def run(tool_environment) -> Run:
    """Run a program in a folder and return what it printed; fail with all of it if it fails."""

    def call(folder: Path, *command: str, **changes: str) -> str:
        done = subprocess.run(
            command,
            cwd=folder,
            env=tool_environment | changes,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)} → {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return call


@pytest.fixture
def python(run) -> Run:
    """Run this interpreter in a folder."""

    def call(folder: Path, *arguments: str, **changes: str) -> str:
        return run(folder, sys.executable, *arguments, **changes)

    return call
