"""What is forgotten, held and erased; the trail stays whole, and says so."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fakes.registry import CONTENTS, RegistryClient, furnished
from tests.fakes.trail_world import START, TrailWorld, event

from leasehold.model.events import AuditEvent, Outcome
from leasehold.settings import InvalidSetting, read_settings
from leasehold.store.sql_store import open_store
from leasehold.trail.retention import prune_due

DAYS = {"decisions": timedelta(days=90)}
LATER = START + timedelta(days=91)


@pytest.fixture(params=["memory", "sqlite"])
def world(request, sqlite_registry_url, tmp_path):
    store = open_store(sqlite_registry_url) if request.param == "sqlite" else None
    made = TrailWorld(tmp_path, store)
    made.grow(20)
    made.write(event(20, kind="leases", name="l1"))
    made.sealer.catch_up()
    yield made
    if store is not None:
        store.close()


def kinds(world):
    return [json.loads(line)["record"]["kind"] for line in world.export() if b'"record"' in line]


def test_what_has_had_its_time_is_forgotten_and_the_proofs_hold(world):
    before = world.checkpoints()[-1]
    assert prune_due(world.store, DAYS, LATER) == 20
    assert prune_due(world.store, DAYS, LATER) == 0
    world.sealer.catch_up()
    verdict = world.verify(world.export(), known=(before,))
    assert (verdict.whole, verdict.pruned) == (True, 20)
    assert kinds(world) == ["leases", "audit-trail"]
    assert world.verify(world.export(10, 22)).whole


def test_nothing_is_forgotten_before_its_time_or_before_it_is_signed_for(world):
    assert prune_due(world.store, DAYS, LATER - timedelta(days=2)) == 0
    world.write(event(0))
    assert prune_due(world.store, DAYS, LATER) == 20
    with world.store.read() as unit:
        assert len(unit.trail.unsealed(10)) == 2


def test_an_event_that_is_left_out_with_the_pruned_ones_is_missed(world):
    prune_due(world.store, DAYS, LATER)
    world.sealer.catch_up()
    lines = world.export()
    at = next(n for n, line in enumerate(lines) if b'"kind":"leases"' in line)
    lines[at] = b'%b,"pruned":20}\n' % lines[at][: len('{"leaf":"') + 65]
    verdict = world.verify(lines)
    assert not verdict.whole
    assert verdict.problems[0].position == 20


def test_what_happens_to_the_trail_itself_is_never_forgotten(world):
    world.write(event(21, kind="audit-trail", action="export"))
    world.sealer.catch_up()
    assert prune_due(world.store, {"audit-trail": timedelta(days=1)}, LATER) == 0


@pytest.mark.parametrize(("agent", "left"), [(None, 20), ("triage-1", 7), ("nobody", 0)])
def test_a_legal_hold_keeps_what_it_is_on(world, agent, left):
    from leasehold.model.trail.keeping import Hold  # noqa: PLC0415  of this test alone

    with world.store.begin() as unit:
        unit.keeping.hold(Hold(name="case", reason="a case", by="ada", at=START, agent=agent))
    assert prune_due(world.store, DAYS, LATER) == 20 - left
    with world.store.begin() as unit:
        assert unit.keeping.release("case")
        assert not unit.keeping.release("case")
    assert prune_due(world.store, DAYS, LATER) == left
    world.sealer.catch_up()
    assert world.verify(world.export()).whole


@pytest.fixture
def registry() -> RegistryClient:
    made = furnished()
    made.caller = "auditor"
    made.send("GET", "/v1/whoami")
    return made


def recorded(registry, subject, said):
    content = CONTENTS.shut(subject, said)
    with registry.store.begin() as unit:
        event = AuditEvent(at=registry.now, principal="agent:triage", action="call", kind="tool-calls", name="c1")
        unit.audit.append(replace(event, outcome=Outcome.OK, content=content))
    return content


def test_contents_are_read_by_auditors_and_that_is_on_record(registry):
    content = recorded(registry, "user:read-by-auditors", {"to": "ann@example.com", "amount": 7})
    assert "ann@example.com" not in repr(content) + json.dumps(registry.audit())
    found = registry.send("GET", f"/v1/audit/contents/{content.commitment}")
    assert found.json() == {"to": "ann@example.com", "amount": 7}
    assert found.headers["cache-control"] == "no-store"
    last = registry.audit()[0]
    assert (last["action"], last["name"]) == ("read-content", content.commitment)


def test_what_is_erased_is_gone_and_the_trail_is_whole(registry, tmp_path):
    gone, kept = (recorded(registry, f"user:{name}", {"name": name}) for name in ("erased", "kept"))
    before = registry.send("GET", "/v1/audit/export").content
    body = {"subject": "user:erased", "reason": "asked to be forgotten"}
    assert registry.send("POST", "/v1/audit/contents:erase", json=body).status_code == 403
    answer = registry.send("POST", "/v1/audit/contents:erase", "admin", json=body)
    assert (answer.status_code, answer.json()["erased"]) == (200, 1)
    assert registry.send("GET", f"/v1/audit/contents/{gone.commitment}").status_code == 404
    assert registry.send("GET", f"/v1/audit/contents/{kept.commitment}").status_code == 200
    after = registry.send("GET", "/v1/audit/export").content
    records = [line for line in before.splitlines() if line.startswith(b'{"leaf"')]
    assert set(records) <= set(after.splitlines())
    assert {"erase", "export"} <= {one["action"] for one in registry.audit()}


def test_the_digest_of_a_short_text_differs_by_subject_and_tells_the_same_text_of_one():
    registry = furnished()
    registry.send("GET", "/v1/whoami")
    first, again = (CONTENTS.shut("user:digest-one", {"pin": 1234}) for _ in range(2))
    other = CONTENTS.shut("user:digest-two", {"pin": 1234})
    assert first.digest == again.digest != other.digest
    assert first.commitment != again.commitment


@pytest.mark.parametrize(
    "body", [{}, {"subject": "user:x"}, {"subject": "", "reason": "x"}, {"subject": "user:x", "reason": " "}]
)
def test_an_erasure_without_its_reason_is_refused(registry, body):
    assert registry.send("POST", "/v1/audit/contents:erase", "admin", json=body).status_code == 422


def test_holds_are_placed_listed_and_released(registry):
    put = registry.send("PUT", "/v1/audit/holds/case-7", "admin", json={"reason": "litigation", "agent": "triage"})
    assert put.json()["by"] == "oidc:ada@example.com"
    assert registry.send("GET", "/v1/audit/holds").json()["items"] == [put.json()]
    assert registry.send("DELETE", "/v1/audit/holds/case-7", "admin").status_code == 204
    assert registry.send("DELETE", "/v1/audit/holds/case-7", "admin").status_code == 404
    assert [one["action"] for one in registry.audit()][:2] == ["release", "hold"]
    assert registry.send("PUT", "/v1/audit/holds/NO", "admin", json={"reason": "x"}).status_code == 400


def test_retention_is_read_by_kind():
    assert read_settings({"LEASEHOLD_AUDIT_RETENTION": "decisions=90, leases=400"}).audit_retention == {
        "decisions": timedelta(days=90),
        "leases": timedelta(days=400),
    }
    for wrong in ("decisions", "decisions=0", "decisions=x", "=3", "a=1,a=2", "a=99999"):
        with pytest.raises(InvalidSetting, match="LEASEHOLD_AUDIT_RETENTION"):
            read_settings({"LEASEHOLD_AUDIT_RETENTION": wrong})
    for wrong in ("ftp://x", "file:", "s3:", "nonsense"):
        with pytest.raises(InvalidSetting, match="LEASEHOLD_AUDIT_ANCHORS"):
            read_settings({"LEASEHOLD_AUDIT_ANCHORS": wrong})
