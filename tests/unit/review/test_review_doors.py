"""The two routes: who may ask, what a body may hold, and that the answer is what the schemas say."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager

import httpx
import jsonschema
import pytest
from fastapi import FastAPI
from tests.unit.review.worlds import ALICE, DELETE, NOW, READ, Registry, organisation

from leasehold.model.errors import LeaseholdError, Unauthenticated
from leasehold.model.kinds import Kind
from leasehold.model.plain import plain
from leasehold.model.principal import Principal, Role
from leasehold.review.declared import NAMED_AFTER, RESOURCE_TYPES
from leasehold.review.reviews import Reviews
from leasehold.web.doors import Doors
from leasehold.web.problems import problem_response
from leasehold.web.review_routes import review_router, review_schemas

ROUTES = ["/v1/drift", "/v1/plan-reviews"]


class Store:
    """A registry to read from."""

    def __init__(self, registry):
        self.registry, self.objects, self.changes, self.versions = registry, self, self, registry
        self.audit = self.lease_uses = self.baselines = self.observations = registry
        self.promotions = self.connections = self.registrations = registry

    @contextmanager
    def read(self):
        yield self

    def list(self, kind, **_):
        return [one for (of, _), one in sorted(self.registry.stored.items()) if of is kind]

    def latest(self):
        return 42


class Authenticator:
    """Knows one token per role, and a plan-only one."""

    def authenticate(self, bearer, _now, _key=None):
        role = {"plan": "viewer"}.get(bearer, bearer)
        if role not in set(Role):
            raise Unauthenticated("no")
        return Principal(id=bearer, role=Role(role), teams=frozenset({"nobody"}), plan_only=bearer == "plan")


class Client:
    """Posts to an application without a socket."""

    def __init__(self, app):
        self.transport = httpx.ASGITransport(app=app)

    def post(self, route, **request):
        async def send():
            async with httpx.AsyncClient(transport=self.transport, base_url="http://leasehold") as client:
                return await client.post(route, **request)

        return asyncio.run(send())


def doors_over(registry):
    store = Store(registry)
    return Doors(store=store, authenticator=Authenticator(), clock=lambda: NOW, reviews=Reviews(store))


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def client(registry):
    app = FastAPI()
    app.include_router(review_router(doors_over(registry)))
    app.add_exception_handler(LeaseholdError, lambda _, error: problem_response(error))
    return Client(app)


def resource(kind, name, spec):
    """A row as Terraform writes it: every attribute, computed ones too, nulls where nothing is set."""
    row = {"id": name, "revision": 3, **plain(spec)}
    row |= {NAMED_AFTER.get(kind, "name"): name, **({"revokes": []} if kind is Kind.GRANT_SETS else {})}
    row |= {Kind.DEPLOYMENTS: {"epoch": 2}}.get(kind, {})
    return {"type": RESOURCE_TYPES[kind], "address": f"{RESOURCE_TYPES[kind]}.x", "values": row}


def body(objects=None):
    rows = [resource(*key, spec) for key, spec in (objects or organisation()).items()]
    return {"stacks": [{"stack": "prod", "resources": rows}]}


def ask(client, route, token="viewer", **more):
    return client.post(route, headers={"Authorization": f"Bearer {token}"} if token else {}, **more)


@pytest.mark.parametrize("route", ROUTES)
def test_an_anonymous_caller_learns_nothing(client, route):
    answer = ask(client, route, token=None, json=body())
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("route", ROUTES)
def test_a_caller_with_a_token_of_nobody_learns_nothing(client, route):
    answer = ask(client, route, token="forged", json=body())
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("route", ROUTES)
def test_the_caller_is_asked_for_before_the_body_is_read(client, route):
    assert ask(client, route, token="forged", content=b"{" * 100).status_code == 401


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("token", [*Role, "plan"])
def test_every_role_that_reads_may_ask_and_a_plan_only_run_too(client, route, token):
    expected = 403 if token is Role.ENFORCER else 200
    assert ask(client, route, token=str(token), json=body()).status_code == expected


def test_what_terraform_wrote_is_compared_whole(client):
    report = ask(client, "/v1/drift", json=body()).json()
    assert report["findings"] == []
    assert report["summary"]["equivalent"] == len(organisation())
    assert report["snapshot"] == {"revision": 42, "at": "2026-11-22T06:00:00Z", "complete": True}


@pytest.mark.parametrize(("route", "name"), list(zip(ROUTES, ["drift", "plan-review"], strict=True)))
def test_an_answer_holds_to_its_schema(client, registry, route, name):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.delete(Kind.GRANTS, READ.id)
    registry.change(Kind.CEILINGS, "payments", scopes=frozenset())
    report = ask(client, route, json=body()).json()
    schema = review_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report, schema)
    assert set(report) == set(schema["properties"])


def test_a_finding_goes_by_its_wire_names(client, registry):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    (finding,) = ask(client, "/v1/drift", json=body()).json()["findings"]
    assert finding["class"] == "unmanaged"
    assert finding["cause"] == {
        "actor": ALICE,
        "at": "2026-11-21T22:00:00Z",
        "operation": "create",
        "via": "registry API",
        "stack": None,
        "binding": None,
        "lease": f"lease-of-{ALICE}",
        "run": None,
        "event": len(organisation()) + 1,
        "approved_by": None,
        "record": None,
    }
    assert finding["fix"]["import"].startswith("import {")


def test_an_unknown_attribute_makes_an_object_unproven(client):
    sent = body()
    row = next(one for one in sent["stacks"][0]["resources"] if one["values"].get("name") == READ.id)
    row["unknown"] = ["expires_at", "revision"]
    report = ask(client, "/v1/drift", json=sent).json()
    unproven = {"address": row["address"], "stack": "prod", "attributes": ["expires_at"], "reason": ""}
    assert report["unproven"] == [unproven]
    assert report["findings"] == []


def test_a_computed_attribute_that_is_unknown_proves_nothing_wrong(client):
    sent = body()
    for row in sent["stacks"][0]["resources"]:
        row["unknown"] = ["revision", "epoch", "id"]
    assert ask(client, "/v1/drift", json=sent).json()["unproven"] == []


def spoilt(change):
    sent = body()
    change(sent)
    return sent


WRONG = {
    "no stacks": (lambda b: b.update(stacks=[]), ""),
    "a stack twice": (lambda b: b["stacks"].append(b["stacks"][0]), ""),
    "a stack name that breaks out": (lambda b: b["stacks"][0].update(stack="--> <script>"), "stacks.0"),
    "a foreign resource type": (
        lambda b: b["stacks"][0]["resources"][0].update(type="aws_iam_role"),
        "stacks.0.resources.0.type",
    ),
    "an unknown member": (lambda b: b.update(extra=1), "extra"),
    "an unknown attribute": (
        lambda b: b["stacks"][0]["resources"][0]["values"].update(shoe_size=43),
        "stacks.0.resources.0.values.shoe_size",
    ),
    "an attribute of the wrong type": (
        lambda b: b["stacks"][0]["resources"][0]["values"].update(team=7),
        "stacks.0.resources.0.values.team",
    ),
    "no name": (lambda b: b["stacks"][0]["resources"][0]["values"].pop("name"), "stacks.0.resources.0.values"),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_body_that_is_not_valid_is_refused_with_the_path_to_it(client, route, wrong):
    change, path = WRONG[wrong]
    answer = ask(client, route, json=spoilt(change))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert any(one["path"].startswith(path) for one in answer.json()["errors"])


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b'{"stacks": 1, "stacks": 2}', 400),
        (b'{"stacks": NaN}', 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b" " * (16 * 1024 * 1024 + 1), 413),
    ],
)
def test_what_is_no_json_or_too_much_of_it_is_refused(client, route, content, status):
    answer = client.post(
        route, content=content, headers={"Authorization": "Bearer viewer", "Content-Type": "application/json"}
    )
    assert answer.status_code == status


def test_a_schema_is_plain_json_and_tells_every_class():
    schema = json.loads(json.dumps(review_schemas()["drift"]))
    assert schema["$defs"]["DriftClass"]["enum"] == [
        "missing",
        "unmanaged",
        "widened",
        "narrowed",
        "orphan",
        "overstay",
        "changed",
        "conflict",
        "ghost",
        "tool_surface",
        "binding",
        "ceiling",
        "external",
        "unproven",
    ]
