"""`leasehold provider install`, and then `terraform init` on a machine that was configured in no other way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.terraform_workspace import terraform_executable

pytestmark = pytest.mark.terraform
API = Path(__file__).parents[3] / "api"
PROVIDER = API.parent / "provider"


def _run(command, folder, home):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "CHECKPOINT_DISABLE": "1",
        "LEASEHOLD_PYTHON": sys.executable,
        "PYTHONPATH": f"{API}{os.pathsep}{PROVIDER}",
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_init_finds_what_install_wrote_and_locks_the_hash_it_told(tmp_path):
    home, root = tmp_path / "home", tmp_path / "root"
    home.mkdir()
    root.mkdir()
    said = json.loads(_run([sys.executable, "-m", "leasehold.cli.main", "provider", "install", "--json"], root, home))
    assert all(file.startswith(str(home)) for file in said["files"])
    (root / "main.tf").write_text(said["required_providers"])
    assert "successfully initialized" in _run([terraform_executable(), "init", "-no-color"], root, home)
    assert said["lock_hash"] in (root / ".terraform.lock.hcl").read_text()
    again = json.loads(_run([sys.executable, "-m", "leasehold.cli.main", "provider", "install", "--json"], root, home))
    assert again["lock_hash"] == said["lock_hash"]
    _run([terraform_executable(), "init", "-no-color", "-lockfile=readonly"], root, home)
