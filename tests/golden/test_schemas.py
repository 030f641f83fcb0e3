"""What is published in `schemas/` is what the code serves, and describes what the code answers."""

import json
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import validate
from tests.fakes.registry import DEPLOYMENT, GRANT, READ, ROLE_BINDING, furnished

from leasehold.model.kinds import Kind
from leasehold.web.schemas import described, published, render

SCHEMAS = Path(__file__).parents[2] / "schemas"
OPENAPI = described().openapi()


def test_the_published_contracts_are_those_of_the_code():
    for name, document in published(described()):
        assert (SCHEMAS / name).read_text(encoding="utf-8") == render(document), f"{name}: run `make schemas`"


def test_the_openapi_document_is_one():
    validate(OPENAPI)


def test_every_operation_says_what_it_takes_what_it_answers_and_how_it_refuses():
    for path, operations in OPENAPI["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            if path == "/healthz":
                continue
            assert operation["security"], where
            assert "401" in operation["responses"], where
            assert "503" in operation["responses"], where
            if method in {"put", "post"} and not path.endswith(
                (":end", ":heartbeat", "/credentials/{profile}", "exports/{name}:test")
            ):  # these need no words
                assert operation["requestBody"]["required"], where
                assert {"400", "413", "415", "422"} <= operation["responses"].keys(), where


def resolved(schema):
    return {**schema, "components": OPENAPI["components"]}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_body_an_object_and_a_page_of_its_own(kind):
    put = OPENAPI["paths"][f"/v1/{kind}/{{name}}"]["put"]
    body = put["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert body.endswith("Body")
    assert set(put["responses"]) >= {"200", "201", "400", "401", "403", "409", "412", "413", "415", "422", "428", "503"}
    assert {parameter["name"] for parameter in put["parameters"]} == {"name", "If-Match", "If-None-Match"}
    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)


def test_answers_are_what_the_document_says():
    registry = furnished()
    registry.grant({**GRANT, "expires_at": "2027-01-01T00:00:00Z"})
    registry.must("grant-sets", "triage", {"grants": [READ]})
    registry.must("deployments", "triage-prod", DEPLOYMENT)
    registry.must("workload-bindings", "victor", ROLE_BINDING)
    answers = {
        "Snapshot": registry.send("GET", "/v1/snapshot"),
        "EffectiveAccess": registry.send("GET", "/v1/effective-access?agent=triage"),
        "AuditPage": registry.send("GET", "/v1/audit/events"),
        "Principal": registry.send("GET", "/v1/whoami"),
        "Revocation": registry.send("POST", "/v1/revocations", json={"node": "agent:triage", "reason": "x"}),
        "Problem": registry.get("owners", "nobody"),
        "GrantPage": registry.send("GET", "/v1/grants"),
    }
    for name, answer in answers.items():
        schema = resolved({"$ref": f"#/components/schemas/{name}"})
        jsonschema.validate(answer.json(), schema, jsonschema.Draft202012Validator)
