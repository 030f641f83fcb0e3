"""The toolchain's mirror: Terraform finds this checkout's provider in it, without a network and without a registry."""

import json
import subprocess

import pytest
from toolchain import provider, repository
from toolchain.places import PROVIDER_SOURCE, terraform_platform

pytestmark = pytest.mark.terraform

_CONFIGURATION = 'terraform {\n  required_providers {\n    leasehold = { source = "leasehold/leasehold" }\n  }\n}\n'


@pytest.fixture
def run(tmp_path, terraform_environment, provider_artefact):
    """Run terraform in a folder that asks for our provider and nothing else."""
    assert provider_artefact.is_file()
    (tmp_path / "main.tf").write_text(_CONFIGURATION)

    def run_terraform(*arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=tmp_path,
            env=terraform_environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_terraform


def test_init_installs_our_provider_from_the_mirror_and_it_answers(run):
    assert "Installed leasehold/leasehold v0.1.0" in run("init", "-no-color")
    assert PROVIDER_SOURCE in json.loads(run("providers", "schema", "-json"))["provider_schemas"]


def test_locking_for_this_platform_needs_no_registry(run, tmp_path):
    # What cdktf runs before every first deploy.
    run("init")
    run("providers", "lock", f"-platform={terraform_platform()}")
    assert f'provider "{PROVIDER_SOURCE}"' in (tmp_path / ".terraform.lock.hcl").read_text()


def test_building_an_unchanged_provider_again_leaves_the_file_that_lock_files_know(provider_artefact):
    before = provider_artefact.stat().st_ino
    with repository().locked():
        assert provider.ensure(repository()).path == provider_artefact
    assert provider_artefact.stat().st_ino == before
