"""Exceptions from drift: who may write one, how long it may last, and that each write is on record."""

import pytest
from tests.fakes.authenticator import PEOPLE
from tests.fakes.registry import EXCEPTION, furnished

KIND = "drift-exceptions"


@pytest.fixture
def registry():
    return furnished()


def error(answer):
    return (answer.status_code, answer.json()["code"], [one["path"] for one in answer.json()["errors"]])


@pytest.mark.parametrize("caller", sorted(PEOPLE.keys() - {"admin", "prod", "staging", "platform", "approver"}))
def test_whoever_lives_with_drift_does_not_accept_it(registry, caller):
    assert registry.create(KIND, "noise", EXCEPTION, caller).status_code == 403
    registry.must(KIND, "noise", EXCEPTION)
    assert registry.change(KIND, "noise", {**EXCEPTION, "reason": "mine"}, 1, caller).status_code == 403
    assert registry.delete(KIND, "noise", 1, caller).status_code == 403


def test_an_approver_accepts_drift_and_may_write_nothing_else(registry):
    assert registry.create(KIND, "noise", EXCEPTION, "approver").status_code == 201
    assert registry.delete(KIND, "noise", 1, "approver").status_code == 204
    assert [(one["action"], one["principal"]) for one in registry.audit()[:2]] == [
        ("delete", PEOPLE["approver"].id),
        ("create", PEOPLE["approver"].id),
    ]
    assert registry.create("owners", "bob", {}, "approver").status_code in {403, 422}
    assert registry.send("POST", "/v1/revocations", "approver", json={"node": "agent:triage", "reason": "x"}).is_error


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"expires_at": "2026-11-23T12:00:00Z"}, "expires_at"),  # it ends as it is written
        ({"expires_at": "2026-12-23T12:00:00.000001Z"}, "expires_at"),  # thirty days and a moment
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2026-11-29T00:00:00"}, "expires_at"),
        ({"expires_at": None}, "expires_at"),
        ({"reason": "  "}, ""),
        ({"reason": "a\u202eb"}, ""),
        ({"reason": "x" * 1025}, ""),
        ({"fingerprint": "sha256:abc"}, ""),
        ({"fingerprint": f"SHA256:{'a' * 64}"}, ""),
        ({"fingerprint": f"sha256:{'a' * 64}\n"}, ""),
        ({"forever": True}, "forever"),
    ],
)
def test_an_exception_without_a_near_end_a_reason_or_a_finding_is_refused(registry, changes, path):
    status, code, paths = error(registry.create(KIND, "noise", {**EXCEPTION, **changes}))
    assert (status, code) == (422, "invalid_body")
    assert not path or path in paths
    assert registry.get(KIND, "noise").status_code == 404


@pytest.mark.parametrize("missing", EXCEPTION)
def test_every_attribute_is_required(registry, missing):
    body = {key: value for key, value in EXCEPTION.items() if key != missing}
    assert error(registry.create(KIND, "noise", body))[0] == 422


def test_the_longest_exception_is_taken_and_is_not_made_longer_for_nothing(registry):
    longest = {**EXCEPTION, "expires_at": "2026-12-23T12:00:00Z"}
    registry.must(KIND, "noise", longest)
    answer = registry.change(KIND, "noise", {**longest, "expires_at": "2027-01-23T12:00:00Z"}, 1)
    assert error(answer)[2] == ["expires_at"]


def test_an_exception_that_has_ended_stays_what_it_is_when_it_is_written_again(registry):
    registry.must(KIND, "noise", EXCEPTION)
    registry.now = registry.now.replace(year=2027)
    assert registry.change(KIND, "noise", EXCEPTION, 1).status_code == 200
    assert error(registry.change(KIND, "noise", {**EXCEPTION, "reason": "again"}, 1))[2] == ["expires_at"]
