"""Scenarios of others, among them the AuthZEN working group's, loaded as anybody would load them, asked over HTTP."""

import importlib.util
import itertools
import json
from pathlib import Path

import pytest
from tests.e2e.decisions.conftest import Pep
from tests.fakes.leasehold_process import leasehold as leasehold_command
from tests.fakes.registry_http import LiveRegistry

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "tests" / "vectors" / "authzen"
SCENARIOS = ROOT / "tests" / "vectors" / "scenarios"
SUITES = {"todo-1_0-01": 40, "todo-1_0-02": 43, "api-gateway": 25}
LOADED = ("records", "drive", "streaming", "todo", "api-gateway")


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
        for name in LOADED:
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


def entity(text):
    type_, _, id_ = text.partition(":")
    return {"type": type_, "id": id_} if id_ else {"type": type_}


def searched(loaded, what, question):
    found = loaded.post(f"/access/v1/search/{what}", question)
    assert found["page"]["next_token"] == ""
    return {one["name"] if what == "action" else one["id"] for one in found["results"]}


def searches_of_records():
    """Each search of the search interop, with what it has to find."""
    who = json.loads((SCENARIOS / "records.json").read_text())["who"]
    people = {one for of in who.values() for allowed in of.values() for one in allowed}
    triples = {(one, action, record) for record, of in who.items() for action, all_ in of.items() for one in all_}
    for record, action in itertools.product(who, ("view", "edit", "delete")):
        asked = {"action": {"name": action}, "resource": {"type": "record", "id": record}}
        found = {one for one in people if (one, action, record) in triples}
        yield "subject", {"subject": {"type": "user"}, **asked}, found
    for person, action in itertools.product(people, ("view", "edit", "delete")):
        asked = {"subject": {"type": "user", "id": person}, "action": {"name": action}}
        found = {record for record in who if (person, action, record) in triples}
        yield "resource", {"resource": {"type": "record"}, **asked}, found
    for person, record in itertools.product(people, who):
        asked = {"subject": {"type": "user", "id": person}, "resource": {"type": "record", "id": record}}
        yield "action", asked, {action for one, action, of in triples if (one, of) == (person, record)}


def test_every_search_of_the_search_interop_finds_what_is_expected(loaded):
    every = list(searches_of_records())
    assert len(every) == 60 + 18 + 120
    assert [asked for what, asked, found in every if searched(loaded, what, asked) != found] == []


@pytest.mark.parametrize("scenario", ["drive", "streaming"])
def test_folders_nested_groups_records_and_times_of_others_decide_here_as_there(loaded, scenario):
    given = json.loads((SCENARIOS / f"{scenario}.json").read_text())
    wrong = []
    for case in given["cases"]:
        asked = {"subject": entity(case["subject"]), "resource": entity(case["resource"])}
        asked |= {"action": {"name": case["action"]}, "context": case.get("context", {})}
        answer = loaded.decide(asked)
        if answer["decision"] is not case["expected"]:
            wrong.append((case, answer))
    for one in given["searches"]:
        asked = {"subject": entity(one["subject"]), "resource": entity(one["resource"])}
        asked["context"] = one.get("context", {})
        if one["action"] is not None:
            asked["action"] = {"name": one["action"]}
        what = "action" if one["action"] is None else "subject" if ":" not in one["subject"] else "resource"
        if searched(loaded, what, asked) != set(one["results"]):
            wrong.append(one)
    assert wrong == []
