"""`make` and `.ci/run`: what a newcomer and CI meet first, with programs that only record how they were called."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MAKE = shutil.which("make")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder with the two doors and nothing behind them."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def programs(tmp_path) -> Path:
    """The only folder on PATH; each program in it writes its arguments to `called`."""
    folder = tmp_path / "path"
    folder.mkdir()
    dirname = shutil.which("dirname")
    assert dirname
    (folder / "dirname").symlink_to(dirname)
    return folder


def record(folder: Path, name: str, status: int = 0) -> None:
    (folder / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/called"\nexit {status}\n')
    (folder / name).chmod(0o755)


def run(command: list[str | None], folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={"PATH": str(path), "CI": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"(?m)^\.PHONY: (.*)$", makefile)
    shown = run([MAKE], ROOT, Path("/usr/bin"))
    assert targets
    assert shown.returncode == 0
    assert set(re.findall(r"(?m)^make ([\w-]+)", shown.stdout)) == set(targets[1].split()) - {"help"}


def test_a_python_that_is_too_old_is_named_as_the_reason(checkout, programs):
    record(programs, "python3", status=1)
    refused = run([MAKE, "setup"], checkout, programs)
    assert refused.returncode == 2
    assert "needs Python 3.11 or newer" in refused.stderr


def test_a_newer_python_beside_an_old_one_is_found(checkout, programs):
    record(programs, "python3", status=1)
    record(programs, "python3.12")
    said = run([MAKE, "setup"], checkout, programs)
    assert "creating .venv with python3.12" in said.stdout


def test_ci_calls_make_test_and_nothing_else(checkout, programs):
    for name in ("make", "git", "python3", "apt-get"):
        record(programs, name)
    assert run(["/bin/sh", ".ci/run"], checkout, programs).returncode == 0
    called = (programs / "called").read_text().splitlines()
    assert [line for line in called if not line.startswith("python3 -c")] == ["make test"]


def test_ci_ends_as_the_tests_end(checkout, programs):
    for name, status in {"make": 3, "git": 0, "python3": 0}.items():
        record(programs, name, status)
    assert run(["/bin/sh", ".ci/run"], checkout, programs).returncode == 3


def test_ci_installs_what_a_bare_debian_lacks(checkout, programs):
    for name in ("make", "python3", "apt-get"):
        record(programs, name)
    assert run(["/bin/sh", ".ci/run"], checkout, programs).returncode == 0
    installs = [line for line in (programs / "called").read_text().splitlines() if "install" in line]
    assert installs == ["apt-get install -y -qq --no-install-recommends git"]
