"""The house style, enforced: each rule holds in the repository, and each rule is shown to catch a breach."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.house_rules import rooms, words
from tests.house_rules.source import ROOT, Source, repository_files, repository_sources

RULES = [
    rooms.libraries_in_their_rooms,
    rooms.standard_library_only,
    rooms.environment_in_settings,
    rooms.meaning_and_decisions_are_pure,
    rooms.only_policy_permits,
    rooms.changes_need_a_permit,
    rooms.doors_open_no_transaction,
    words.no_drawer_rooms,
    words.files_have_one_reason_to_exist,
    words.plain_names,
    words.rows_stay_in_the_store,
    words.no_place_of_one_machine,
    words.nothing_unfinished,
    words.skips_have_a_reason,
]
MODEL, POLICY, WEB = "api/leasehold/model/x.py", "api/leasehold/policy/x.py", "api/leasehold/web/x.py"
REGISTRY, STORE, CLI = "api/leasehold/registry/x.py", "api/leasehold/store/x.py", "api/leasehold/cli/x.py"
PROVIDER, CONSTRUCTS = "provider/leasehold_provider/x.py", "cdktf/leasehold_cdktf/x.py"
PRAGMA = "# pragma: no " + "cover"  # in two pieces, or this file would break its own rule

BREACHES = [
    (rooms.libraries_in_their_rooms, REGISTRY, "import fastapi"),
    (rooms.libraries_in_their_rooms, WEB, "from sqlmodel import Session"),
    (rooms.libraries_in_their_rooms, WEB, "import jwt.api_jwt"),
    (rooms.libraries_in_their_rooms, STORE, "import boto3"),
    (rooms.libraries_in_their_rooms, POLICY, "import re2"),
    (rooms.libraries_in_their_rooms, WEB, "def f():\n    import httpx"),
    (rooms.libraries_in_their_rooms, WEB, "import a_library_without_a_room"),
    (rooms.libraries_in_their_rooms, CONSTRUCTS, "import cdktf"),
    (rooms.libraries_in_their_rooms, CONSTRUCTS, "importlib.import_module('cdktf')"),
    (rooms.libraries_in_their_rooms, CONSTRUCTS, "from leasehold.model import names"),
    (rooms.libraries_in_their_rooms, PROVIDER, "import leasehold"),
    (rooms.libraries_in_their_rooms, WEB, "if TYPE_CHECKING:\n    import sqlalchemy"),
    (rooms.standard_library_only, PROVIDER, "import grpc"),
    (rooms.standard_library_only, PROVIDER, "from google.protobuf import message"),
    (rooms.standard_library_only, "toolchain/x.py", "import httpx"),
    (rooms.environment_in_settings, REGISTRY, "import os\nos.environ['X']"),
    (rooms.environment_in_settings, REGISTRY, "import os\nos.getenv('X')"),
    (rooms.environment_in_settings, WEB, "from os import environ"),
    (rooms.environment_in_settings, CONSTRUCTS, "import os\nos.environ.get('X')"),
    (rooms.meaning_and_decisions_are_pure, MODEL, "import time"),
    (rooms.meaning_and_decisions_are_pure, MODEL, "from random import choice"),
    (rooms.meaning_and_decisions_are_pure, POLICY, "import os.path"),
    (rooms.meaning_and_decisions_are_pure, POLICY, "import urllib.request"),
    (rooms.meaning_and_decisions_are_pure, MODEL, "datetime.now(UTC)"),
    (rooms.meaning_and_decisions_are_pure, MODEL, "datetime.datetime.utcnow()"),
    (rooms.meaning_and_decisions_are_pure, MODEL, "date.today()"),
    (rooms.meaning_and_decisions_are_pure, POLICY, "uuid.uuid4()"),
    (rooms.meaning_and_decisions_are_pure, POLICY, "open('x')"),
    (rooms.meaning_and_decisions_are_pure, "api/leasehold/scan/x.py", "import secrets"),
    (rooms.only_policy_permits, REGISTRY, "Permit(principal)"),
    (rooms.only_policy_permits, WEB, "access.Permit()"),
    (rooms.only_policy_permits, WEB, "object.__new__(Permit)"),
    (rooms.only_policy_permits, WEB, "dataclasses.replace(permit, kind='agents')"),
    (rooms.changes_need_a_permit, REGISTRY, "def put(store, body):\n    with store.begin() as work: ..."),
    (rooms.changes_need_a_permit, REGISTRY, "class R:\n    async def end(self, by: str):\n        self.store.begin()"),
    (rooms.doors_open_no_transaction, WEB, "def put(store):\n    with store.begin(): ..."),
    (words.no_drawer_rooms, "api/leasehold/utils.py", ""),
    (words.no_drawer_rooms, "tests/helpers/x.py", ""),
    (words.files_have_one_reason_to_exist, MODEL, "x = 1\n" * 401),
    (words.plain_names, REGISTRY, "def handle_request(): ..."),
    (words.plain_names, REGISTRY, "def _process(): ..."),
    (words.plain_names, REGISTRY, "def do_it(): ..."),
    (words.plain_names, REGISTRY, "def f(user_data): ..."),
    (words.plain_names, REGISTRY, "info = 1"),
    (words.plain_names, REGISTRY, "class IStore: ..."),
    (words.plain_names, REGISTRY, "class GrantManager: ..."),
    (words.rows_stay_in_the_store, REGISTRY, "class GrantRow: ..."),
    (words.no_place_of_one_machine, "docs/x.md", "see /" + "root/project"),
    (words.no_place_of_one_machine, "docs/x.md", "https://" + "pypi.example"),
    (words.no_place_of_one_machine, "docs/x.md", "https://registry." + "npmjs.org/x"),
    (words.nothing_unfinished, MODEL, "x = 1  # TO" + "DO later"),
    (words.nothing_unfinished, MODEL, f"x = 1  {PRAGMA}"),
    (words.nothing_unfinished, MODEL, "x = 1  # no" + "qa"),
    (words.nothing_unfinished, MODEL, "x = 1  # type: " + "ignore"),
    (words.skips_have_a_reason, "tests/x.py", "@pytest.mark.skip\ndef test_x(): ..."),
    (words.skips_have_a_reason, "tests/x.py", "@pytest.mark.skipif(True)\ndef test_x(): ..."),
    (words.skips_have_a_reason, "tests/x.py", "@pytest.mark.xfail(strict=True)\ndef test_x(): ..."),
    (words.skips_have_a_reason, "tests/x.py", "pytest.skip()"),
]
KEPT = [
    (
        rooms.libraries_in_their_rooms,
        WEB,
        "from fastapi import APIRouter\nimport json\nfrom leasehold.model import names",
    ),
    (rooms.libraries_in_their_rooms, "cdktf/leasehold_cdktf/_cdk.py", "import cdktf"),
    (rooms.libraries_in_their_rooms, "examples/x.py", "import cdktf, httpx"),
    (rooms.standard_library_only, PROVIDER, "import ssl\nfrom leasehold_provider.protocol import schema"),
    (rooms.environment_in_settings, "api/leasehold/settings.py", "import os\nos.environ"),
    (rooms.environment_in_settings, CLI, "import os\nos.environ"),
    (rooms.meaning_and_decisions_are_pure, MODEL, "import datetime, hashlib, urllib.parse\ndef f(now): return now"),
    (rooms.meaning_and_decisions_are_pure, REGISTRY, "import time\ntime.time()"),
    (rooms.only_policy_permits, POLICY, "Permit(principal)"),
    (rooms.only_policy_permits, WEB, "replace(agent, name='x')"),
    (rooms.changes_need_a_permit, REGISTRY, "def put(store, permit: Permit):\n    with store.begin(): ..."),
    (rooms.changes_need_a_permit, REGISTRY, "def get(store):\n    with store.read(): ..."),
    (words.no_drawer_rooms, "api/leasehold/model/grants.py", ""),
    (words.plain_names, REGISTRY, "class Issuer: ...\ndef domain(managed): metadata = 1"),
    (words.rows_stay_in_the_store, STORE, "class GrantRow: ..."),
    (
        words.no_place_of_one_machine,
        "docs/x.md",
        f"https://agents.example/{'work'}/x and ./{'root'}/x and /var/lib/leasehold",
    ),
    (words.nothing_unfinished, MODEL, f"x = 1  {PRAGMA}  the kernel decides"),
    (words.nothing_unfinished, MODEL, "x = 1  # noqa: S603  our own program\ny = 2  # type: ignore[misc]  no stubs"),
    (words.skips_have_a_reason, "tests/x.py", "pytest.skip('no node')\npytest.mark.skipif(True, reason='no node')"),
]


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    """Every text file of the repository."""
    return repository_sources()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_repository_keeps_the_rule(rule, sources):
    breaches = [breach for source in sources for breach in rule(source)]
    assert not breaches, "\n".join(["", *breaches])


@pytest.mark.parametrize(("rule", "path", "text"), BREACHES)
def test_a_breach_is_caught(rule, path, text):
    assert list(rule(Source(path, text)))


@pytest.mark.parametrize(("rule", "path", "text"), KEPT)
def test_what_the_rule_allows_passes(rule, path, text):
    assert list(rule(Source(path, text))) == []


def test_every_rule_has_a_breach_that_it_catches():
    assert {rule for rule, _, _ in BREACHES} == set(RULES)


def test_no_exception_outlives_its_cause(sources):
    begun = {f"{source.path}:{function.name}" for source in sources for function in rooms.functions_that_begin(source)}
    assert set(rooms.WITHOUT_PERMIT) - begun == set()
    assert [place for place in rooms.ENVIRONMENT_READERS if not any(source.within(place) for source in sources)] == []


def test_imports_flow_one_way():
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


# The `cdktf/` trap: our folder of that name must never hide the installed package.


def test_the_cdktf_folder_is_no_package_and_holds_no_tests():
    inside = [Path(name) for name in repository_files() if name.startswith("cdktf/")]
    assert Path("cdktf/__init__.py") not in inside
    assert [
        path for path in inside if path.name.startswith("test_") or path.name in {"conftest.py", "constructs.py"}
    ] == []
    assert {path.parts[1] for path in inside} == {"leasehold_cdktf"}


def test_no_package_of_tests_is_named_like_an_installed_library():
    packages = [Path(name).parent for name in repository_files() if name.endswith("/__init__.py")]
    assert [
        path for path in packages if path.parts[0] == "tests" and path.name in {"cdktf", "cdktn", "constructs"}
    ] == []


def test_pytest_imports_by_path():
    assert '"--import-mode=importlib"' in (ROOT / "pyproject.toml").read_text()


_SHOW = "import importlib.util; print(importlib.util.find_spec('cdktf').origin)"
_WAYS = {
    "python -c": [sys.executable, "-c", _SHOW],
    "python -m": [sys.executable, "-m", "shown"],
    "a script at the root": [sys.executable, "shown.py"],
    "python -m pytest": [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "tests/test_shown.py"],
    "pytest in a folder of tests named cdktf": [
        *(sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider"),
        "tests/e2e/cdktf/test_shown.py",
    ],
    "bare pytest": [Path(sys.executable).with_name("pytest"), "-qs", "-p", "no:cacheprovider", "tests/test_shown.py"],
}


@pytest.fixture
def twin(tmp_path) -> Path:
    """A folder laid out like the repository's root, where a test may add files."""
    for name in ("api", "cdktf", "provider", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "shown.py").write_text(_SHOW + "\n")
    for folder in (tmp_path / "tests", tmp_path / "tests" / "e2e" / "cdktf"):
        folder.mkdir(parents=True)
        (folder / "test_shown.py").write_text(f"def test_shown():\n    {_SHOW}\n")
    return tmp_path


def _origin(command: list[str | Path], folder: Path) -> str:
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    return shown.stdout


@pytest.mark.parametrize("way", _WAYS)
def test_import_cdktf_finds_the_installed_package(way, twin):
    assert "site-packages" in _origin(_WAYS[way], twin)


def test_the_guard_sees_a_folder_that_hides_the_package(twin):
    (twin / "cdktf").unlink()
    (twin / "cdktf").mkdir()
    (twin / "cdktf" / "__init__.py").touch()
    assert "site-packages" not in _origin(_WAYS["python -c"], twin)
