"""Problem documents become errors at the attribute, with who changed what; their text is never trusted."""

import json

import pytest

from leasehold_provider.client import Answer
from leasehold_provider.problems import path_of, problem_of
from leasehold_provider.protocol import Key
from leasehold_provider.provider import LeaseholdProvider

RESOURCES = {one.type_name: one for one in LeaseholdProvider({}).resources}
SERVER = RESOURCES["leasehold_tool_server"].schema


def _problem(status, schema=None, **members):
    return problem_of(Answer(status, {}, json.dumps(members).encode()), "agents/bot", schema).diagnostic


@pytest.mark.parametrize(
    ("type_name", "dotted", "path"),
    [
        ("leasehold_agent", "owner", ("owner",)),
        ("leasehold_agent", "", ()),
        ("leasehold_agent", "nonsense.more", ()),
        ("leasehold_grant", "tools.0", ("tools",)),
        ("leasehold_tool_server", "tools.read_file.action", ("tools", Key("read_file"), "action")),
        ("leasehold_tool_server", "tools.read.v1.action", ("tools", Key("read.v1"), "action")),
        ("leasehold_tool_server", "tools.read.v1", ("tools", Key("read.v1"))),
        ("leasehold_workload_binding", "kubernetes.namespace", ("kubernetes", "namespace")),
        ("leasehold_workload_binding", "kubernetes.other", ("kubernetes",)),
    ],
)
def test_a_dotted_path_becomes_a_path_of_terraform(type_name, dotted, path):
    assert path_of(dotted, RESOURCES[type_name].schema) == path


def test_several_errors_are_told_at_once_and_the_first_is_pointed_at():
    errors = [{"path": "url", "message": "is no URL"}, {"path": "tools.a.action", "message": "is unknown"}]
    told = _problem(422, SERVER, code="invalid_body", detail="2 errors", errors=errors)
    assert told.path == ("url",)
    assert "  tools.a.action: is unknown" in told.detail


def test_a_ceilings_counterexample_is_told():
    schema = RESOURCES["leasehold_grant"].schema
    members = {"code": "above_ceiling", "detail": "no", "tool": "t", "resource": "r:1"}
    assert "`t` on `r:1` lies outside ceiling `c`" in _problem(422, schema, **members, ceiling="c").detail
    assert "none applies" in _problem(422, schema, **members, ceiling=None).detail


def test_what_changed_since_is_told_with_who_and_when():
    changes = [{"path": "owner", "before": "a", "after": None}]
    since = [{"revision": 7, "by": "oidc:eve", "at": "2026-01-01T00:00:00Z", "operation": "update", "changes": changes}]
    told = _problem(412, code="precondition_failed", detail="is at 7", changed_since=since)
    assert told.summary == "Live object changed since the plan"
    assert "revision 7: update by oidc:eve at 2026-01-01T00:00:00Z" in told.detail
    assert 'owner: "a" -> null' in told.detail
    assert told.detail.endswith("see what is live now.")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b'{"errors": 1, "changed_since": {"a": 1}, "code": ["x"]}', b"[" * 100_000],
)
def test_an_answer_that_is_no_problem_document_is_still_an_error(body):
    told = problem_of(Answer(500, {}, body), "agents/bot", SERVER).diagnostic
    assert "500" in f"{told.summary} {told.detail}"


def test_text_of_others_neither_colours_nor_floods_the_terminal():
    changes = [{"path": "x", "before": "\x1b[31m", "after": "y" * 9_000}] * 500
    since = [{"revision": 1, "by": "eve\n\u202e", "at": "now", "operation": "update", "changes": changes}]
    told = _problem(412, code="precondition_failed", detail="\x1b]0;title\x07", changed_since=since)
    assert not [char for char in told.detail if not char.isprintable() and char != "\n"]
    assert len(told.detail) < 50_000
    assert told.detail.count("\n") < 30
