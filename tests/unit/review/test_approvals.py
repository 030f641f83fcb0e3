"""An approval is remembered: the next review of the same change may be applied, whoever runs it, and no other may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.fakes.registry import DELETE, DELETE_GRANT, GRANT, NOW, READ, THING, furnished

GRANT_TYPE, CLAIM_TYPE = "leasehold_grant", "leasehold_agent_grants_exclusive"
OTHER = {**DELETE_GRANT, "resources": ["repo:api"]}
OTHER_NAME = DELETE.replace("web", "api")
ROW = {"type": GRANT_TYPE, "address": f"{GRANT_TYPE}.delete", "values": DELETE_GRANT}
LATER = NOW + timedelta(hours=5)


@pytest.fixture
def registry():
    return furnished()


def review(registry, *rows, caller="held-pr", stack="held", **more):
    body = {"stacks": [{"stack": stack, "resources": list(rows)}], **more}
    answer = registry.send("POST", "/v1/plan-reviews", caller, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def approve(registry, receipt, caller="approver"):
    body = {"receipt": receipt["token"]}
    return registry.send("POST", f"/v1/plan-reviews/{receipt['id']}:approve", caller, json=body)


def approved(registry, receipt):
    answer = approve(registry, receipt)
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "objects": receipt["objects"]}


def write(registry, receipt, name=DELETE, spec=DELETE_GRANT, caller="held"):
    proof = receipt["objects"].get(f"grants/{name}", "-")
    headers = {"If-None-Match": "*", "Leasehold-Receipt": receipt["token"], "Leasehold-Receipt-Proof": proof}
    return registry.send("PUT", f"/v1/grants/{name.replace('/', '%2F')}", caller, json=spec, headers=headers)


def test_the_run_of_a_pull_request_learns_of_the_approval_and_a_deployment_goes_on_with_it(registry):
    first = review(registry, ROW)
    assert (first["gate"]["verdict"], first["receipt"]["granted"]) == ("needs_approval", False)
    assert write(registry, first["receipt"]).json()["code"] == "receipt_refused"
    approved(registry, first["receipt"])
    registry.now = LATER
    for caller in ("held-pr", "held"):
        again = review(registry, ROW, caller=caller)
        receipt = again["receipt"]
        assert (again["gate"], receipt["granted"]) == (first["gate"], True)
        assert receipt["approved_by"] == "oidc:anna@example.com"
        assert receipt["expires_at"] == first["receipt"]["expires_at"]
    assert write(registry, receipt).status_code == 201
    assert write(registry, receipt, name=READ.replace("web", "api")).status_code >= 400


@pytest.mark.parametrize("changed", [[], [{**ROW, "values": OTHER}], [ROW, {**ROW, "values": OTHER}]])
def test_any_other_change_is_not_approved(registry, changed):
    approved(registry, review(registry, ROW)["receipt"])
    again = review(registry, *changed)
    assert again["gate"]["verdict"] == ("needs_approval" if changed else "auto")
    assert again["receipt"]["granted"] is not bool(changed)
    assert again["receipt"]["approved_by"] is None


def test_a_change_by_hand_in_between_is_another_change(registry):
    thing = {"type": "leasehold_resource", "address": "leasehold_resource.doc", "values": {"name": "doc", **THING}}
    approved(registry, review(registry, ROW, thing)["receipt"])
    assert review(registry, ROW, thing)["receipt"]["granted"]
    registry.must("resources", "doc", {**THING, "foreign_id": "43"})
    assert not review(registry, ROW, thing)["receipt"]["granted"]


def test_an_approval_ends_with_the_day_of_its_review(registry):
    approved(registry, review(registry, ROW)["receipt"])
    registry.now = NOW + timedelta(hours=24)
    assert not review(registry, ROW)["receipt"]["granted"]


def test_what_was_applied_and_taken_back_is_asked_for_again(registry):
    receipt = approved(registry, review(registry, ROW)["receipt"])
    registry.now = NOW + timedelta(minutes=1)
    assert write(registry, receipt).status_code == 201
    assert registry.delete("grants", DELETE, 1).status_code == 204
    again = review(registry, ROW)
    assert again["gate"]["delta"] == review(furnished(), ROW)["gate"]["delta"]
    assert not again["receipt"]["granted"]


def test_an_approval_of_one_stack_is_none_of_another(registry):
    approved(registry, review(registry, ROW)["receipt"])
    assert not review(registry, ROW, caller="staging", stack="staging")["receipt"]["granted"]


def test_whoever_approved_is_not_granted_a_review_of_their_own(registry):
    approved(registry, review(registry, ROW)["receipt"])
    assert not review(registry, ROW, caller="approver")["receipt"]["granted"]


def test_a_refused_approval_is_remembered_by_nobody(registry):
    receipt = review(registry, ROW)["receipt"]
    for caller in ("viewer", "held", "held-pr", "alice"):
        assert approve(registry, receipt, caller).status_code == 403
    assert not review(registry, ROW)["receipt"]["granted"]


def test_without_a_gate_writes_are_held_one_by_one_and_nothing_unapproved_is_written(registry):
    """A plan that changed after its approval, applied all the same: what is as it was approved lives, no more."""
    both = (ROW, {**ROW, "values": OTHER})
    receipt = approved(registry, review(registry, *both)["receipt"])
    changed = {**DELETE_GRANT, "expires_at": "2027-01-01T00:00:00Z"}
    assert write(registry, receipt).status_code == 201
    assert write(registry, receipt, OTHER_NAME, {**OTHER, **changed, "resources": ["repo:api"]}).status_code == 403
    assert write(registry, receipt, READ, GRANT).json()["code"] == "receipt_refused"
    assert write(registry, receipt, OTHER_NAME, OTHER).status_code == 201


def test_the_trail_says_who_approved_which_change_and_what_was_written_with_it(registry):
    receipt = approved(registry, review(registry, ROW)["receipt"])
    write(registry, receipt)
    told = registry.audit()
    (approval,) = [one for one in told if one["action"] == "approve"]
    assert approval["name"] == review_delta(registry)
    assert approval["detail"]["receipt"] == receipt["id"]
    (written,) = [one for one in told if one["name"] == DELETE and one["outcome"] == "ok"]
    assert written["detail"]["approved_by"] == "oidc:anna@example.com"
    assert written["detail"]["receipt"] == receipt["id"]


def review_delta(registry):
    """The name of the change, before it was made: what lives now is set aside."""
    return review(furnished(), ROW)["gate"]["delta"]


def test_drift_names_who_approved_the_write_that_brought_it_about(registry):
    write(registry, approved(registry, review(registry, ROW)["receipt"]))
    agent = {"name": "triage", "owner": "alice", "review_by": "2027-05-01"}
    row = {"type": "leasehold_agent", "address": "leasehold_agent.triage", "values": agent}
    claim = {"type": CLAIM_TYPE, "address": f"{CLAIM_TYPE}.triage", "values": {"agent": "triage", "grants": []}}
    body = {"stacks": [{"stack": "prod", "resources": [row, claim]}]}
    found = registry.send("POST", "/v1/drift", "viewer", json=body).json()["findings"]
    (grant,) = [one for one in found if one["name"] == DELETE]
    assert grant["cause"]["approved_by"] == "oidc:anna@example.com"
    assert grant["cause"]["actor"] == "github-actions:acme/held#1"


def shown(receipt):
    return {"token": receipt["token"], "objects": receipt["objects"]}


def test_a_receipt_that_is_shown_is_told_whether_it_covers_the_plan(registry):
    receipt = review(registry, ROW)["receipt"]
    unapproved = review(registry, ROW, receipt=shown(receipt))
    assert unapproved["receipt_refused"] == "the plan is not approved"
    good = approved(registry, receipt)
    covered = review(registry, ROW, receipt=shown(good))
    assert (covered["receipt"]["token"], covered["receipt_refused"]) == (good["token"], None)
    changed = review(registry, {**ROW, "values": OTHER}, receipt=shown(good))
    assert changed["receipt_refused"].endswith("is not changed as it was reviewed: review the plan again")
    assert not changed["receipt"]["granted"]


@pytest.mark.parametrize(
    "junk", [{"token": 1}, {"objects": {}}, {"token": "x", "objects": {"a": "b"}}, {"token": "x", "more": 1}, "x", []]
)
def test_a_receipt_that_is_none_is_refused_as_a_body(registry, junk):
    body = {"stacks": [{"stack": "held", "resources": []}], "receipt": junk}
    answer = registry.send("POST", "/v1/plan-reviews", "held", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body"), answer.text
