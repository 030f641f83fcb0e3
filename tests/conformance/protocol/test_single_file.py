"""The single file: reproducible, complete, fast to start, and alone in its folder after Terraform has used it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.terraform_workspace import Workspace

from leasehold_provider.packaging.archive import PACKAGE, build

_SAMPLE = Path(__file__).parents[2] / "fakes" / "sample_provider.py"
_MAIN = """\
def main():
    from {package}.sample_provider import ADDRESS, SampleProvider, serve

    serve(SampleProvider, ADDRESS)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package with the protocol and the sample provider in it."""
    package = tmp_path / "sources" / "leasehold_provider"
    shutil.copytree(PACKAGE / "protocol", package / "protocol", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PACKAGE / "__init__.py", package)
    shutil.copy(_SAMPLE, package)
    (package / "__main__.py").write_text(_MAIN.format(package="leasehold_provider"))
    return package


def _by_hand(single: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(single)],
        env={"PATH": os.environ["PATH"], "LEASEHOLD_PYTHON": sys.executable, "TMPDIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_builds_are_the_same_bytes(package: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "leasehold_provider"
    shutil.copytree(package, elsewhere)
    for path in elsewhere.rglob("*.py"):
        os.utime(path, (0, 0))
        path.chmod(0o600)
    (elsewhere / "protocol" / "__pycache__").mkdir()
    (elsewhere / "protocol" / "__pycache__" / "stale.py").write_text("")
    assert build(tmp_path / "one", package) == build(tmp_path / "two", elsewhere)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_command_builds_what_the_function_builds(package: Path, tmp_path: Path) -> None:
    build(tmp_path / "one", package)
    subprocess.run(
        [sys.executable, "-m", "leasehold_provider.packaging", str(tmp_path / "two"), "--package", str(package)],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert os.access(tmp_path / "two", os.X_OK)


def test_another_source_is_another_file(package: Path, tmp_path: Path) -> None:
    before = build(tmp_path / "one", package)
    (package / "extra.py").write_text("EXTRA = 1\n")
    assert build(tmp_path / "one", package) != before


def test_compiled_modules_are_kept_where_only_this_user_can_enter(package: Path, tmp_path: Path) -> None:
    build(tmp_path / "one", package)
    for _ in range(2):
        done = _by_hand(tmp_path / "one", tmp_path)
        assert "This program is a Terraform provider." in done.stderr
    (folder,) = tmp_path.glob("leasehold-provider-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("spoil", ["open to others", "a link", "garbage", "no folder"])
def test_compiled_modules_of_doubtful_origin_are_not_run(package: Path, tmp_path: Path, spoil: str) -> None:
    build(tmp_path / "one", package)
    _by_hand(tmp_path / "one", tmp_path)
    (folder,) = tmp_path.glob("leasehold-provider-*")
    (kept,) = folder.iterdir()
    kept.write_bytes(b"garbage")
    if spoil == "open to others":
        folder.chmod(0o777)
    elif spoil == "a link":
        folder.rename(tmp_path / "moved")
        folder.symlink_to(tmp_path / "moved")
    elif spoil == "no folder":
        shutil.rmtree(folder)
    missing = {"XDG_RUNTIME_DIR": str(tmp_path / "missing")} if spoil == "no folder" else {}
    done = _by_hand(tmp_path / "one", tmp_path, **missing)
    assert "This program is a Terraform provider." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.terraform
def test_terraform_installs_it_locks_it_and_finds_it_unchanged(package: Path, workspace: Workspace) -> None:
    mirror = (
        workspace.folder / ".terraform.d" / "plugins" / "example.com" / "tests" / "sample" / "0.1.0" / "linux_amd64"
    )
    mirror.mkdir(parents=True)
    build(mirror / "terraform-provider-sample_v0.1.0", package)
    environment = {"TF_CLI_CONFIG_FILE": os.devnull, "LEASEHOLD_PYTHON": sys.executable}
    workspace.write('resource "sample_thing" "a" { name = "a" }')
    workspace.run("init", "-no-color", **environment)
    for _ in range(2):  # the second plan verifies the lock against what the first run may have written
        workspace.plan(expect=2, **environment)
    assert [path.name for path in mirror.iterdir()] == ["terraform-provider-sample_v0.1.0"]
    assert "h1:" in (workspace.root / ".terraform.lock.hcl").read_text()
