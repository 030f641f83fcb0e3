"Every write leaves a version, a change and an event; every refusal leaves an event; reads leave nothing."

import pytest
from tests.fakes.registry import AGENT, GRANT, OWNER, RegistryClient, furnished


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def test_changes_are_numbered_without_a_gap(registry):
    registry.create("owners", "alice", OWNER)
    registry.grant(GRANT)
    registry.send("POST", "/v1/revocations", json={"node": "agent:triage", "reason": "leaked"})
    registry.must("owners", "bob", OWNER)
    registry.delete("owners", "bob", 1)
    sequences = [change.sequence for change in registry.changes()]
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_write_is_audited_with_its_revision(registry):
    event = registry.audit()[0]
    assert (event["principal"], event["action"], event["outcome"]) == ("oidc:ada@example.com", "create", "ok")
    assert (event["kind"], event["name"], event["detail"]) == ("trust-issuers", "idp", {"revision": 1})


@pytest.mark.parametrize(
    ("outcome", "code", "write"),
    [
        ("denied", "forbidden", lambda r: r.create("owners", "bob", OWNER, "viewer")),
        ("denied", "forbidden", lambda r: r.create("agents", "bot", AGENT, "mallory")),
        ("error", "precondition_failed", lambda r: r.create("owners", "alice", OWNER)),
        ("error", "unknown_reference", lambda r: r.create("agents", "bot", {**AGENT, "owner": "nobody"})),
        ("error", "in_use", lambda r: r.delete("owners", "alice", 1)),
        ("error", "not_found", lambda r: r.delete("owners", "nobody", 1)),
        ("error", "invalid_body", lambda r: r.create("owners", "../x", OWNER)),
    ],
)
def test_a_refused_write_is_audited_with_the_reason(registry, outcome, code, write):
    before = registry.changes()
    assert write(registry).json()["code"] == code
    event = registry.audit()[0]
    assert event["outcome"] == outcome
    assert event["reason"].startswith(f"{code}: ")
    assert registry.changes() == before


def test_reads_and_anonymous_callers_leave_no_event(registry):
    before = registry.audit()
    registry.get("owners", "alice")
    registry.send("GET", "/v1/snapshot")
    registry.anonymous("PUT", "/v1/owners/bob", json=OWNER)
    assert registry.audit() == before


def test_a_denied_look_at_the_audit_log_is_in_the_audit_log(registry):
    assert registry.send("GET", "/v1/audit/events", "viewer").status_code == 403
    assert registry.audit()[0].items() >= {"action": "read-audit", "outcome": "denied"}.items()


def test_the_log_is_filtered_and_paged_newest_first(registry):
    registry.must("owners", "bob", OWNER)
    registry.delete("owners", "bob", 1)
    ask = lambda **asked: registry.send("GET", "/v1/audit/events", "auditor", params=asked).json()  # noqa: E731
    page = ask(kind="owners", name="bob", limit=1)
    assert [e["action"] for e in page["items"]] == ["delete"]
    rest = ask(kind="owners", name="bob", cursor=page["next_cursor"])
    assert [e["action"] for e in rest["items"]] == ["create"]
    assert rest["next_cursor"] is None
    assert ask(kind="owners", name="nobody")["items"] == []


@pytest.mark.parametrize(
    "query",
    ["cursor=x", "cursor=LTE", "kind=%00", "name=%C3%A9", "limit=0", "outcome=x", "verdict=ok", "since=now",
     "text=xx", "text=x&since=2026-01-01T00:00:00Z", "since=2026-01-01T00:00:00", "agent=%0a", "kind=a&kind=b"],
)  # fmt: skip
def test_a_question_to_the_log_that_is_not_understood_is_refused(registry, query):
    assert registry.send("GET", f"/v1/audit/events?{query}", "auditor").status_code == 400
