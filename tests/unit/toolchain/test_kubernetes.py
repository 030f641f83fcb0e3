"""The real kube-apiserver: built once, on Debian alone, and only when it is asked for."""

import pytest
from toolchain import __main__ as toolchain
from toolchain import kubernetes
from toolchain.places import Places
from toolchain.programs import ToolMissingError


@pytest.fixture
def places(tmp_path) -> Places:
    return Places(tmp_path / "checkout")


def test_a_server_that_is_there_is_not_built_again(places):
    folder = places.home / "kubernetes" / kubernetes.VERSION
    folder.mkdir(parents=True)
    (folder / "kube-apiserver").touch()
    assert kubernetes.ensure(places).path == folder


def test_a_machine_that_is_no_debian_says_what_is_missing(places, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="built on Debian, with apt-get, dpkg, tar"):
        kubernetes.ensure(places)
    assert not places.home.exists()


def test_setup_never_builds_one():
    assert "kubernetes" not in toolchain.TOOLS
