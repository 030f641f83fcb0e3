"""The environment for Terraform and cdktf: what it holds, and what of the caller's it does not."""

import fcntl
import os
import shlex
import stat
import subprocess

import pytest
import toolchain
from toolchain import cdktf_cli, npm, programs, terraform
from toolchain.__main__ import TOOLS, export_lines, main
from toolchain.places import Places


@pytest.mark.parametrize(
    "name", ["TF_LOG", "TF_CLI_ARGS", "TF_CLI_ARGS_plan", "AWS_SECRET_ACCESS_KEY", "LEASEHOLD_TOKEN", "PYTHONPATH"]
)
def test_nothing_of_the_developers_shell_changes_a_run(monkeypatch, name):
    monkeypatch.setenv(name, "surprise")
    assert "surprise" not in toolchain.environment().values()


@pytest.mark.parametrize("name", ["HOME", "HTTPS_PROXY", "PIP_INDEX_URL", "npm_config_registry", "LANG", "LC_ALL"])
def test_what_reaches_the_registries_and_shows_text_is_kept(monkeypatch, name):
    monkeypatch.setenv(name, "kept")
    assert toolchain.environment()[name] == "kept"


def test_our_programs_stand_before_the_callers(monkeypatch, repository_places):
    monkeypatch.setenv("PATH", "/caller/bin")
    path = toolchain.environment()["PATH"].split(os.pathsep)
    assert (path[0], path[-1]) == (str(repository_places.bin), "/caller/bin")


def test_the_packaged_terraform_can_be_put_first(repository_places):
    path = toolchain.environment(terraform_from="packaged")["PATH"].split(os.pathsep)
    assert path[:2] == [str(repository_places.packaged_bin), str(repository_places.bin)]


def test_a_home_is_given_even_without_one(monkeypatch):
    monkeypatch.delenv("HOME")
    assert toolchain.environment()["HOME"]


def test_nobody_is_phoned(repository_places):
    assert toolchain.environment()["CHECKPOINT_DISABLE"] == "1"
    assert "disable_checkpoint = true" in repository_places.terraform_rc.read_text()


def test_our_provider_comes_only_from_the_mirror(tmp_path):
    places = Places(tmp_path / 'a "quoted" ${folder}')
    terraform.write_cli_config(places)
    text = places.terraform_rc.read_text()
    assert text.count('["registry.terraform.io/leasehold/leasehold"]') == 2
    assert '\\"quoted\\" $${folder}' in text


def test_the_exports_mean_to_a_shell_what_they_mean_to_us():
    value = "it's $HOME and `id`"
    shown = subprocess.run(
        ["/bin/sh", "-c", export_lines({"LEASEHOLD_X": value}) + 'printf %s "$LEASEHOLD_X"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == value


def test_the_printed_environment_holds_no_secret_of_the_caller(monkeypatch, capsys):
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:secret@packages.example/simple")
    assert main(["env"]) == 0
    printed = capsys.readouterr().out
    assert "secret" not in printed
    assert shlex.split(printed)[0] == "export"


def test_an_unknown_tool_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["ensure", "tofu"])
    said = capsys.readouterr().err
    assert all(name in said for name in TOOLS)


def test_node_trusts_what_the_user_says_it_trusts(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/company/ca.pem")
    monkeypatch.delenv("NODE_EXTRA_CA_CERTS", raising=False)
    assert npm.machine_certificates() == {"NODE_EXTRA_CA_CERTS": "/company/ca.pem"}


def test_node_trusts_the_machines_certificates_in_a_bare_environment(monkeypatch, tmp_path):
    certificates = tmp_path / "ca.pem"
    certificates.touch()
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(npm, "_MACHINE_CERTIFICATES", ("/absent.pem", str(certificates)))
    assert npm.machine_certificates() == {"NODE_EXTRA_CA_CERTS": str(certificates)}


def test_a_half_finished_install_is_no_install(tmp_path):
    places = Places(tmp_path)
    cdktf_cli.PROJECT.modules(places).mkdir(parents=True)
    assert cdktf_cli.PROJECT.installed_versions(places) == {}


def test_one_process_at_a_time_changes_the_toolchain(tmp_path):
    places = Places(tmp_path)
    with places.locked(), (places.home / "lock").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (places.home / "lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_launcher_is_executable_by_everyone(tmp_path):
    programs.write_launcher(tmp_path / "launcher", ["/bin/true"])
    assert stat.S_IMODE((tmp_path / "launcher").stat().st_mode) == 0o755
