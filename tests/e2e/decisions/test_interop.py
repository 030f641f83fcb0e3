"""The interoperability suites of the AuthZEN working group, loaded as anybody would load them, asked over HTTP."""

import importlib.util
import json
from pathlib import Path

import pytest
from tests.e2e.decisions.conftest import Pep
from tests.fakes.leasehold_process import leasehold as leasehold_command
from tests.fakes.registry_http import LiveRegistry

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "tests" / "vectors" / "authzen"
SUITES = {"todo-1_0-01": 40, "todo-1_0-02": 43, "api-gateway": 25}


def example(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / "authzen" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leasehold(folder, endpoint, *arguments):
    """What the command says on stdout."""
    done = leasehold_command(*arguments, environment={"LEASEHOLD_ENDPOINT": endpoint}, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Step by step as docs/decision-point.md says, from an empty registry on."""
    folder = tmp_path_factory.mktemp("interop")
    registry = LiveRegistry(folder)
    try:
        (folder / "bootstrap.token").write_text(registry.start())
        example("first_issuer").write(folder, registry.url)
        leasehold(folder, registry.url, "bootstrap", "--file", "bootstrap.json", "--token-file", "bootstrap.token")
        token = leasehold(folder, registry.url, "token", "exchange", "--subject-token-file", "loader.jwt")
        for name in ("todo", "api-gateway"):
            example("load").load(registry.url, token, ROOT / "examples" / "authzen" / f"{name}.json")
        asking = Pep(registry, leasehold(folder, registry.url, "token", "exchange", "--subject-token-file", "pep.jwt"))
        gateway = json.loads((VECTORS / "api-gateway.json").read_text())["evaluation"]
        asking.until(gateway[0]["request"], expected=True)  # loaded last: what it needs is enforced, all is
        yield asking
        asking.connection.close()
    finally:
        registry.close()


@pytest.mark.parametrize("suite", SUITES)
def test_every_decision_is_the_expected_one(loaded, suite):
    cases = json.loads((VECTORS / f"{suite}.json").read_text())
    wrong, asked = [], 0
    for case in cases["evaluation"]:
        asked += 1
        answer = loaded.decide(case["request"])
        if answer["decision"] is not case["expected"]:
            wrong.append((case["request"], answer))
    for case in cases.get("evaluations", []):
        asked += 1
        answers = loaded.post("/access/v1/evaluations", case["request"])["evaluations"]
        if [{"decision": one["decision"]} for one in answers] != case["expected"]:
            wrong.append((case["request"], answers))
    assert wrong == []
    assert asked == SUITES[suite]


def test_a_subject_that_nobody_loaded_is_denied(loaded):
    asked = {"subject": {"type": "user", "id": "mallory"}, "action": {"name": "can_read_todos"}}
    asked["resource"] = {"type": "todo", "id": "todo-1"}
    assert loaded.decide(asked)["decision"] is False


def test_the_answers_of_the_scenario_can_be_searched(loaded):
    asked = {"subject": {"type": "user"}, "action": {"name": "can_delete_todo"}}
    asked["resource"] = {"type": "todo", "id": "1", "properties": {"ownerID": "morty@the-citadel.com"}}
    found = loaded.post("/access/v1/search/subject", asked)["results"]
    assert {one["id"] for one in found} == {
        "CiRmZDA2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
        "CiRmZDE2MTRkMy1jMzlhLTQ3ODEtYjdiZC04Yjk2ZjVhNTEwMGQSBWxvY2Fs",
    }
