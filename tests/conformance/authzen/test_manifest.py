"""The manifest and the tests agree, both ways."""

import ast
from pathlib import Path

from tests.conformance.authzen.requirements import REQUIREMENTS

FOLDER = Path(__file__).parent


def proofs() -> dict[str, set[str]]:
    """What each test of this folder says that it proves."""
    found: dict[str, set[str]] = {}
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if path.name != Path(__file__).name and isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                calls = [d for d in node.decorator_list if isinstance(d, ast.Call) and ast.unparse(d.func) == "proves"]
                found[node.name] = {ast.literal_eval(argument) for call in calls for argument in call.args}
    return found


def test_every_requirement_has_a_test():
    proved = set().union(*proofs().values())

    assert {requirement.id for requirement in REQUIREMENTS} - proved == set()


def test_every_test_proves_a_requirement():
    known = {requirement.id for requirement in REQUIREMENTS}

    assert {name: ids - known for name, ids in proofs().items() if not ids or ids - known} == {}


def test_a_requirement_is_listed_once():
    ids = [requirement.id for requirement in REQUIREMENTS]

    assert sorted(set(ids)) == sorted(ids)
