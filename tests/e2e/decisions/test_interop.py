"""The interoperability suites of the AuthZEN working group, loaded as anybody would load them, asked over HTTP."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "tests" / "vectors" / "authzen"
SUITES = {"todo-1_0-01": 40, "todo-1_0-02": 43, "api-gateway": 25}


def loader():
    spec = importlib.util.spec_from_file_location("load", ROOT / "examples" / "authzen" / "load.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def loaded(registry, pep):
    address = f"http://127.0.0.1:{registry.door.upstream}"
    for name in ("todo", "api-gateway"):
        loader().load(address, registry.token(), ROOT / "examples" / "authzen" / f"{name}.json")
    gateway = json.loads((VECTORS / "api-gateway.json").read_text())["evaluation"]
    pep.until(gateway[0]["request"], expected=True)  # loaded last: what it needs is enforced, all is
    return pep


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
