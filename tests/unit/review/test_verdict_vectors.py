"""One corpus of verdicts: the engine, the HTTP door and the command line give the same, byte for byte."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.cli.terraform import leasehold, shown_plan
from tests.unit.review.test_review_doors import Authenticator, Client, Store
from tests.unit.review.worlds import NOW, Registry, declare, organisation

from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS
from leasehold.review.gate.rules import rules_of
from leasehold.review.plan_review import review_plan
from leasehold.review.reviews import Reviews
from leasehold.web.bodies import parse_as
from leasehold.web.doors import Doors
from leasehold.web.review_routes import _adapter, review_router

FOLDER = Path(__file__).parents[2] / "vectors/plan_reviews"
VECTORS = sorted(FOLDER.glob("*.json"))
EACH = pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
PARTS = ("gate", "proofs", "delegation")


def changed(objects, changes):
    found = dict(objects)
    for key, plain in changes.items():
        kind, _, name = key.partition("/")
        found.pop((Kind(kind), name), None)
        if plain is not None:
            found[Kind(kind), name] = parse_as(SPECS[Kind(kind)], plain, key)
    return found


def world(vector):
    registry = Registry()
    live = changed(organisation(), vector.get("live", {}))
    for key in [key for key in registry.stored if key not in live]:
        registry.delete(*key)
    for key, spec in live.items():
        if registry.stored.get(key) is None or registry.stored[key].spec != spec:
            registry.write(*key, spec, stack="prod")
    return registry, changed(live, vector["planned"])


def verdict(report):
    """The parts that must not differ, without addresses: the command line's plan puts resources into modules."""
    found = {part: report[part] for part in PARTS}
    for finding in found["gate"]["findings"]:
        finding.pop("address")
    return json.dumps(found, indent=2) + "\n"


def by_the_engine(vector):
    registry, planned = world(vector)
    report = review_plan(registry.picture(declare(planned)), rules_of(vector.get("rules", {})))
    return verdict(json.loads(_adapter("plan-review").dump_json(report, by_alias=True)))


def app(vector):
    registry, planned = world(vector)
    store = Store(registry)
    reviews = Reviews(store, rules=rules_of(vector.get("rules", {})))
    doors = Doors(store=store, authenticator=Authenticator(), clock=lambda: NOW, reviews=reviews)
    served = FastAPI()
    served.include_router(review_router(doors))
    return served, planned


def by_the_command_line(vector, folder):
    served, planned = app(vector)
    plan = folder / "plan.json"
    plan.write_text(json.dumps(shown_plan(planned)))
    client = Client(served)

    def answer(request):
        sent = client.post(
            request.url.path, content=request.content, headers={"Authorization": "Bearer viewer"} | _typed(request)
        )
        return httpx.Response(sent.status_code, content=sent.content)

    return leasehold("review", plan, "--stack", "prod", "--json", "--gate", answer=answer)


def _typed(request):
    return {"Content-Type": request.headers["content-type"]}


@EACH
def test_every_door_gives_the_same_verdict(path, tmp_path):
    vector = json.loads(path.read_text())
    found = by_the_engine(vector)
    if os.environ.get("LEASEHOLD_TEST_UPDATE_GOLDEN"):
        path.write_text(json.dumps({**vector, "expected": json.loads(found)}, indent=2) + "\n")
        vector = json.loads(path.read_text())
    assert found == json.dumps(vector["expected"], indent=2) + "\n"
    code, out, err = by_the_command_line(vector, tmp_path)
    assert err == ""
    assert verdict(json.loads(out)) == found
    assert code == {"auto": 0, "needs_approval": 4, "deny": 5}[vector["expected"]["gate"]["verdict"]]


def test_there_are_vectors_of_every_verdict():
    verdicts = {json.loads(path.read_text())["expected"]["gate"]["verdict"] for path in VECTORS}
    assert verdicts == {"auto", "needs_approval", "deny"}
