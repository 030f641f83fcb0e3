"""The demo as a newcomer runs it, in a scratch folder where we can look."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 600  # seconds, for a busy machine


@pytest.fixture
def scratch() -> Iterator[Path]:
    """An empty folder with a short path: Terraform and its providers meet on a Unix socket below it."""
    with TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


@contextmanager
def demo(scratch: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo under way, with its scratch folder where we can look."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "examples.demo", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def registry_listens(said: str) -> bool:
    """Whether anything listens where the demo said its registry is."""
    port = int(re.search(r"registry on http://127\.0\.0\.1:(\d+)", said)[1])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run_to_its_end(scratch: Path, steps: int, *arguments: str) -> str:
    """All that a demo says whose every step went as told, and which left nothing behind."""
    with demo(scratch, *arguments) as program:
        said, _ = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, said
    assert f"All {steps} steps went as told" in said
    numbers = [int(number) for number in re.findall(r"^ ?(\d+)  \S.*  \d+\.\d s$", said, re.MULTILINE)]
    assert numbers == list(range(1, steps + 1)), said
    assert not registry_listens(said)
    assert list(scratch.iterdir()) == []
    return said
