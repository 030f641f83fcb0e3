"""The trail over HTTP and on the command line: asked, exported, proved; and nobody who may not."""

import io
import json

import httpx
import pytest
from tests.fakes.registry import OWNER, furnished

from leasehold.cli.main import run
from leasehold.cli.session import Session
from leasehold.model.trail.checkpoints import parse_note
from leasehold.model.trail.tree import extends, includes


@pytest.fixture
def registry():
    made = furnished()
    made.caller = "auditor"
    return made


class Transport(httpx.BaseTransport):
    """The command line's requests, to the registry in memory."""

    def __init__(self, registry):
        self.registry = registry

    def handle_request(self, request):
        path = request.url.raw_path.decode()
        said = {"content-type": request.headers["content-type"]} if "content-type" in request.headers else {}
        answer = self.registry.send(request.method, path, content=request.read() or None, headers=said)
        headers = {"content-type": answer.headers["content-type"]}
        return httpx.Response(answer.status_code, headers=headers, content=answer.content)


def leasehold(registry, *arguments, token="auditor"):
    out, err = io.StringIO(), io.StringIO()
    session = Session({"LEASEHOLD_TOKEN": token}, out, err, Transport(registry))
    return run(["audit", *arguments], session), out.getvalue(), err.getvalue()


@pytest.fixture
def exported(registry, tmp_path):
    """The path of an export, and the key beside it."""
    path, key = tmp_path / "trail.ndjson", tmp_path / "audit.pub"
    assert leasehold(registry, "export", "--out", str(path))[0] == 0
    code, out, _ = leasehold(registry, "checkpoint", "--key")
    key.write_text(out)
    assert code == 0
    return path, key


def test_an_export_is_proved_with_the_public_key_alone(registry, exported):
    path, key = exported
    code, out, _ = leasehold(registry, "verify", str(path), "--key", str(key))
    assert (code, out[:6]) == (0, "whole:")
    code, out, _ = leasehold(registry, "verify", str(path), "--key", key.read_text().strip(), "--json")
    assert json.loads(out)["whole"] is True
    assert json.loads(out)["end"] == json.loads(path.read_text().splitlines()[0])["end"] > 0


def test_that_the_trail_was_exported_stands_in_the_export(exported):
    records = [json.loads(line).get("record") for line in exported[0].read_text().splitlines()]
    last = [record for record in records if record is not None][-1]
    assert (last["kind"], last["action"], last["principal"][:4]) == ("audit-trail", "export", "oidc")


def test_an_export_that_was_tampered_with_names_the_first_bad_event(registry, exported):
    path, key = exported
    path.write_text(path.read_text().replace('"action":"create"', '"action":"delete"', 1))
    code, out, _ = leasehold(registry, "verify", str(path), "--key", str(key))
    assert code == 2
    assert out == "not whole: event 0: the event was changed (line 2)\n"
    code, out, _ = leasehold(registry, "verify", str(path), "--key", str(key), "--json")
    assert (code, json.loads(out)["first_bad"]) == (2, 0)


def test_a_checkpoint_that_was_taken_down_shows_that_the_end_is_missing(registry, exported, tmp_path):
    path, key = exported
    registry.send("PUT", "/v1/owners/zoe", "admin", json=OWNER, headers={"If-None-Match": "*"})
    leasehold(registry, "export")
    later = tmp_path / "later.checkpoint"
    later.write_text(leasehold(registry, "checkpoint")[1])
    code, out, _ = leasehold(registry, "verify", str(path), "--key", str(key), "--checkpoint", str(later))
    assert code == 2
    assert "the trail was cut off" in out


@pytest.mark.parametrize("arguments", [("none.ndjson",), ("--key", "x"), ("no-key",)])
def test_what_cannot_be_read_is_an_error_and_no_verdict(registry, exported, tmp_path, arguments):
    path, key = exported
    given = {
        "none.ndjson": (str(tmp_path / "none.ndjson"), "--key", str(key)),
        "--key": (str(path), "--key", str(path)),
        "no-key": (str(path), "--key", str(tmp_path / "none")),
    }[arguments[0]]
    code, out, err = leasehold(registry, "verify", *given)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")


def test_an_export_never_overwrites(registry, exported):
    path, _ = exported
    before = path.read_bytes()
    assert leasehold(registry, "export", "--out", str(path))[0] == 1
    assert path.read_bytes() == before


def test_a_segment_starts_where_it_is_told_and_ends_with_a_checkpoint(registry, exported, tmp_path):
    path, key = exported
    end = json.loads(path.read_text().splitlines()[0])["end"]
    for _ in range(3):
        leasehold(registry, "export")
    rest = tmp_path / "rest.ndjson"
    assert leasehold(registry, "export", "--start", str(end), "--out", str(rest))[0] == 0
    assert json.loads(rest.read_text().splitlines()[0])["start"] == end
    assert leasehold(registry, "verify", str(path), str(rest), "--key", str(key))[0] == 0
    assert leasehold(registry, "verify", str(rest), "--key", str(key))[0] == 0
    assert leasehold(registry, "verify", str(rest), str(path), "--key", str(key))[0] == 2


def test_events_are_listed_and_followed(registry):
    code, out, _ = leasehold(registry, "query", "--owner", "alice", "--json")
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    assert [one["kind"] for one in found] == ["owners"]
    code, out, _ = leasehold(registry, "query", "--since", "2026-11-23", "--text", "ALICE")
    assert "owners/alice" in out
    assert leasehold(registry, "tail", "--outcome", "denied")[:2] == (0, "")
    assert leasehold(registry, "query", "--since", "yesterday")[0] == 1


def test_proofs_hold_against_the_checkpoint_that_they_come_with(registry, exported):
    ask = lambda **asked: registry.send("GET", "/v1/audit/proof", params=asked)  # noqa: E731
    old = parse_note(registry.send("GET", "/v1/audit/checkpoint").json()["note"]).head
    registry.send("GET", "/v1/audit/export")
    found = ask(position=1).json()
    head = parse_note(found["checkpoint"]).head
    proof = [bytes.fromhex(one) for one in found["proof"]]
    assert includes(bytes.fromhex(found["leaf"]), 1, head.size, proof, head.root)
    found = ask(size=old.size).json()
    assert extends(old.size, old.root, head.size, head.root, [bytes.fromhex(one) for one in found["proof"]])
    assert ask(position=head.size).status_code == 404
    assert ask(size=head.size + 1).status_code == 404
    for wrong in ({}, {"position": 1, "size": 1}, {"size": 0}, {"position": -1}):
        assert ask(**wrong).status_code == 400


def test_a_window_has_one_start_and_one_end(registry):
    at = "2026-11-23T00:00:00Z"
    for wrong in ({"start": 0, "since": at}, {"end": 1, "until": at}, {"since": "noon"}):
        assert registry.send("GET", "/v1/audit/export", params=wrong).status_code == 400


@pytest.mark.parametrize("caller", ["viewer", "approver"])
def test_who_is_no_auditor_gets_nothing_and_leaves_a_trace(registry, caller):
    for path in ("events", "export", "checkpoint", "proof?position=0"):
        assert registry.send("GET", f"/v1/audit/{path}", caller).status_code == 403
        assert registry.audit()[0].items() >= {"action": "read-audit", "outcome": "denied"}.items()


@pytest.mark.parametrize("caller", ["auditor", "admin"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nobody_writes_to_the_trail(registry, caller, method):
    for path in ("events", "events/1", "export", "checkpoint", "proof"):
        assert registry.send(method, f"/v1/audit/{path}", caller, json={}).status_code in {404, 405}
