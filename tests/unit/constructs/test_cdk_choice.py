"""Which CDK library is used, and what a user reads when there is none."""

import subprocess
import sys
from pathlib import Path

import pytest

from leasehold_cdktf import _cdk


def test_the_environment_decides_first():
    assert _cdk.candidates({"LEASEHOLD_CDK_LIB": "cdktn"}, {"cdktf": object()}) == ("cdktn",)


def test_what_the_program_already_imported_comes_before_the_default():
    assert _cdk.candidates({}, {"cdktn": object()})[0] == "cdktn"


def test_cdktf_is_the_default_and_cdktn_the_fallback():
    assert list(dict.fromkeys(_cdk.candidates({}, {}))) == ["cdktf", "cdktn"]


def test_an_unknown_library_is_refused_by_name():
    with pytest.raises(ImportError, match="LEASEHOLD_CDK_LIB is `cdk8s`"):
        _cdk.candidates({"LEASEHOLD_CDK_LIB": "cdk8s"}, {})


def test_a_bare_folder_of_the_librarys_name_is_not_the_library(tmp_path, monkeypatch):
    (tmp_path / "cdktn_of_nobody").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not _cdk.installed("cdktn_of_nobody")
    assert _cdk.installed("cdktf")


def test_a_missing_library_is_answered_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(_cdk, "LIBRARIES", ("no_such_cdk",))
    with pytest.raises(ImportError, match="pip install 'leasehold\\[no_such_cdk\\]'"):
        _cdk.load({}, {})


def test_a_missing_node_is_said_in_words(tmp_path):
    with pytest.raises(ImportError, match=r"no `node` is on PATH: install Node\.js"):
        _cdk.load({"PATH": str(tmp_path)}, {})


def test_a_node_named_to_jsii_is_enough(tmp_path):
    _cdk.require_node({"PATH": str(tmp_path), "JSII_NODE": "/opt/node/bin/node"})


def test_the_folder_cdktf_never_hides_the_library(tmp_path):
    root = Path(__file__).resolve().parents[3]
    assert not (root / "cdktf" / "__init__.py").exists()
    code = "import cdktf, leasehold_cdktf; assert hasattr(cdktf, 'App'), cdktf; print(cdktf.__file__)"
    for folder in (root, root / "cdktf", tmp_path):
        found = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        assert "site-packages" in found.stdout
