"""One corpus of verdicts: the engine, the HTTP door and the command line give the same, byte for byte."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.cli.terraform import leasehold, shown_plan, state_file
from tests.unit.review.test_review_doors import Authenticator, Client, Store
from tests.unit.review.worlds import NOW, Registry, declare, organisation

from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS
from leasehold.review.gate.rules import Check, rules_of
from leasehold.review.reviews import Reviews
from leasehold.review.since_base import Asked, judge
from leasehold.web.bodies import parse_as
from leasehold.web.doors import Doors
from leasehold.web.review_routes import _adapter, review_router

FOLDER = Path(__file__).parents[2] / "vectors/plan_reviews"
VECTORS = sorted(FOLDER.glob("*.json"))
EACH = pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
PARTS = ("gate", "proofs", "delegation", "base")
CHECKS = {  # the plan checks of the design, C1 to C9; C10 is the apply's (`If-Match`), and has no verdict
    "C1": {Check.UNKNOWN_REFERENCE},
    "C2": {Check.ABOVE_CEILING},
    "C3": {
        Check.NEW_ACCESS,
        Check.POLICY_WIDENS,
        Check.FACTS_WIDEN,
        Check.DELEGATION,
        Check.FOUNDATION,
        Check.NEW_TO_BASE,
        Check.NO_BASE,
    },
    "C4": {Check.SEPARATION_OF_DUTY, Check.TOXIC_TRIO, Check.SELF_ESCALATION},
    "C5": {Check.WILDCARD, Check.UNPINNED_TOOL, Check.CHANGED_TOOL, Check.STANDING_PRODUCTION, Check.LONG_TTL},
    "C6": {Check.OWNER_INACTIVE, Check.REVIEW_OVERDUE, Check.EXCEPTION_EXPIRED},
    "C7": {Check.ASSERTION_FAILED, Check.REPLAY_ALLOWS, Check.REPLAY_DENIES, Check.NOT_REPLAYED},
    "C8": {Check.CONFLICT, Check.MASS_CHANGE},
    "C9": {Check.UNPROVEN, Check.UNPROVEN_IN_PRODUCTION},
}
ON_RECORD = {
    Check.REPLAY_ALLOWS,
    Check.REPLAY_DENIES,
    Check.NOT_REPLAYED,
}  # of decisions: tests/unit/review/test_replays


def changed(objects, changes):
    found = dict(objects)
    for text, plain in changes.items():
        key = key_of(text)
        found.pop(key, None)
        if plain is not None:
            found[key] = parse_as(SPECS[key[0]], plain, text)
    return found


def world(vector):
    registry = Registry()
    live = changed(organisation(), vector.get("live", {}))
    for key in [key for key in registry.stored if key not in live]:
        registry.delete(*key)
    managed = {key_of(text): stack for text, stack in vector.get("managed", {}).items()}
    for key, spec in live.items():
        if registry.stored.get(key) is None or registry.stored[key].spec != spec or key in managed:
            registry.write(*key, spec, stack=managed.get(key, "prod"))
    return registry, changed(live, vector["planned"])


def base_of(vector):
    """What the base branch declares; None where nobody says."""
    return changed(organisation(), vector["base"]) if "base" in vector else None


def key_of(text):
    kind, _, name = text.partition("/")
    return Kind(kind), name


def verdict(report):
    """The parts that must not differ, without addresses: the command line's plan puts resources into modules."""
    found = {part: report[part] for part in PARTS}
    base = found["base"] or {"foundations": []}
    for finding in (*found["gate"]["findings"], *base["foundations"]):
        finding.pop("address")
    return json.dumps(found, indent=2) + "\n"


def by_the_engine(vector):
    registry, planned = world(vector)
    base = base_of(vector)
    asked = Asked(rules=rules_of(vector.get("rules", {})), base=declare(base) if base is not None else None)
    report = judge(registry.picture(declare(planned)), asked).review
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
    plan.write_text(json.dumps(shown_plan(planned, was=changed(organisation(), vector.get("live", {})))))
    client = Client(served)

    def answer(request):
        sent = client.post(
            request.url.path, content=request.content, headers={"Authorization": "Bearer viewer"} | _typed(request)
        )
        return httpx.Response(sent.status_code, content=sent.content)

    more = ()
    if (base := base_of(vector)) is not None:
        (folder / "base.json").write_text(json.dumps(state_file(base)))
        more = ("--base", folder / "base.json", "--save-base", folder / "saved.json")
    return leasehold("review", plan, "--stack", "prod", "--json", "--gate", *more, answer=answer)


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


def test_every_check_of_the_design_is_in_the_gate_and_finds_something():
    assert set().union(*CHECKS.values()) == set(Check)
    found = {one["check"] for path in VECTORS for one in json.loads(path.read_text())["expected"]["gate"]["findings"]}
    assert found == set(Check) - ON_RECORD
