"""Each manifest and the tests beside it agree, both ways."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
MANIFESTS = [path.parent.name for path in sorted(FOLDER.glob("*/requirements.py"))]
every_manifest = pytest.mark.parametrize("standard", MANIFESTS)


def ids_of(standard: str) -> list[str]:
    """The requirements of a folder, as they are listed."""
    return [one.id for one in import_module(f"tests.conformance.{standard}.requirements").REQUIREMENTS]


def proofs(standard: str) -> dict[str, set[str]]:
    """What each test of a folder says that it proves."""
    found: dict[str, set[str]] = {}
    for path in sorted((FOLDER / standard).glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                calls = [d for d in node.decorator_list if isinstance(d, ast.Call) and ast.unparse(d.func) == "proves"]
                found[node.name] = {ast.literal_eval(argument) for call in calls for argument in call.args}
    return found


def test_there_are_manifests():
    assert {"authzen", "oauth"} <= set(MANIFESTS)


@every_manifest
def test_every_requirement_has_a_test(standard):
    assert set(ids_of(standard)) - set().union(*proofs(standard).values()) == set()


@every_manifest
def test_every_test_proves_a_requirement(standard):
    known = set(ids_of(standard))
    assert {name: ids - known for name, ids in proofs(standard).items() if not ids or ids - known} == {}


@every_manifest
def test_a_requirement_is_listed_once(standard):
    ids = ids_of(standard)
    assert sorted(set(ids)) == sorted(ids)
