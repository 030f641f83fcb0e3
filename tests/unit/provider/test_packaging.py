"""One file, the same bytes each time, with nothing in it that only this machine has."""

import subprocess
import sys
import zipfile
from io import BytesIO

import pytest

from leasehold_provider import __version__
from leasehold_provider.documentation.pages import EXAMPLES, pages
from leasehold_provider.packaging.archive import ENTRY, PACKAGE, archive_bytes, read_sources
from leasehold_provider.packaging.install import main
from leasehold_provider.packaging.mirror import EXECUTABLE, lock_hash, place_in, python_advice


@pytest.fixture(scope="module")
def executable():
    return archive_bytes(read_sources(PACKAGE), ENTRY)


def test_nothing_of_this_machine_is_in_it(executable):
    for ours in (str(PACKAGE), sys.prefix, str(PACKAGE.parent.parent)):
        assert ours.encode() not in executable


def test_it_holds_what_runs_inside_terraform_and_nothing_else(executable):
    names = zipfile.ZipFile(BytesIO(executable)).namelist()
    assert "leasehold_provider/grant.py" in names
    assert not [name for name in names if "/packaging/" in name or "/documentation/" in name or "pycache" in name]


def test_it_starts_from_anywhere_and_says_what_it_is(executable, tmp_path, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    file = tmp_path / "provider"
    file.write_bytes(executable)
    file.chmod(0o755)
    for command in ([str(file)], [sys.executable, str(file)]):
        environment = {"PATH": "/usr/bin:/bin", "LEASEHOLD_PYTHON": sys.executable, "TMPDIR": str(scratch)}
        done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert "Terraform provider" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["provider"]


def test_installing_writes_the_mirror_layout_for_terraform_and_opentofu(executable, tmp_path, capsys):
    assert main([f"--plugins={tmp_path}", "--json"]) == 0
    for host in ("registry.terraform.io", "registry.opentofu.org"):
        place = place_in(tmp_path, host)
        assert place.read_bytes() == executable
        assert place.stat().st_mode & 0o777 == 0o755
        assert [path.name for path in place.parent.iterdir()] == [EXECUTABLE]
    said = capsys.readouterr().out
    assert lock_hash(executable) in said
    assert __version__ in said


def test_a_shim_in_place_of_a_python_is_advised_against(monkeypatch):
    monkeypatch.setenv("LEASEHOLD_PYTHON", sys.executable)
    assert python_advice() is None
    monkeypatch.setenv("LEASEHOLD_PYTHON", "/home/me/.pyenv/shims/python3")
    assert "shim" in python_advice()


def test_a_place_that_cannot_be_written_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main([f"--plugins={tmp_path / 'file'}"]) == 1
    assert "cannot install" in capsys.readouterr().err


def test_the_run_time_imports_nothing_but_the_standard_library():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "import leasehold_provider.connecting, leasehold_provider.provider;"
        "print([m for m in sys.modules if m.partition('.')[0] not in sys.stdlib_module_names"
        " and not m.startswith(('leasehold_provider', '__main__'))])"
    )
    done = subprocess.run(
        [sys.executable, "-IS", "-c", code, str(PACKAGE.parent)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_validating_loads_neither_http_nor_tls():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules);"
        "import leasehold_provider.provider as p; p.LeaseholdProvider({});"
        "heavy = {'http.client', 'ssl', 'json', 're', 'urllib.parse', 'typing', 'dataclasses'};"
        "print(sorted(heavy & set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-IS", "-c", code, str(PACKAGE.parent)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_every_part_of_the_provider_has_a_page_with_an_example():
    made = pages()
    assert len(made) == 1 + 18 + 2 + 1 + 9 + 3
    assert [name for name, text in made.items() if "```terraform" not in text] == []
    used = [path.name for path in EXAMPLES.iterdir() if path.read_text() not in "".join(made.values())]
    assert used == []
