"""Pins in a plan: what only looks different is no change, and what only looks the same is one."""

import json

import pytest
from tests.fakes.provider_host import Terraform

from leasehold_provider.surfaces import check_surface, plain_surface, same_surface

TOOL = {"name": "send", "description": "Sends.", "inputSchema": {"properties": {"n": {"maximum": 100}}}}
WRITTEN = json.dumps({"tools": [TOOL, {"name": "read"}], "instructions": "Be brief."})
PIN = {"tool_server": "github", "surface": WRITTEN, "justification": "read over"}


@pytest.mark.parametrize(
    "other",
    [
        json.dumps({"jsonrpc": "2.0", "id": 1, "result": json.loads(WRITTEN)}, indent=4),
        json.dumps({"instructions": "Be brief.", "tools": [{"name": "read"}, {**TOOL, "_meta": {}, "icons": []}]}),
        json.dumps({"tools": {"read": {}, "send": TOOL}, "instructions": "Be brief."}),
        WRITTEN.replace("100", "100.0"),
        WRITTEN.replace("100", "1e2"),
        WRITTEN.replace("Sends", "\\u0053ends"),
    ],
)
def test_another_spelling_is_no_change(terraform, other):
    state = terraform.create("leasehold_tool_pin", PIN)
    assert state["digest"].startswith("sha256:")
    assert same_surface(WRITTEN, other)
    assert terraform.plan("leasehold_tool_pin", {**PIN, "surface": other}, state).ok() == state


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("100", "true"),
        ("100", "101"),
        ("100", '"100"'),
        ("Sends.", "Sends.\\u200b"),
        ("Be brief.", ""),
        ('"send"', '"sends"'),
    ],
)
def test_another_value_is_a_change_with_another_digest(terraform, before, after):
    state = terraform.create("leasehold_tool_pin", PIN)
    changed = terraform.change("leasehold_tool_pin", {**PIN, "surface": WRITTEN.replace(before, after)}, state).ok()
    assert changed["digest"] != state["digest"]


@pytest.mark.parametrize(
    "surface",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"tools": 1}',
        '{"tools": [1]}',
        '{"tools": [{}]}',
        '{"tools": [], "instructions": 1}',
        '{"tools": [], "nextCursor": "x"}',
        '{"tools": [{"name": "a"}, {"name": "a"}]}',
        '{"tools": {"a": {"name": "b"}}}',
        '{"tools": [{"name": "a", "description": 1e999}]}',
        "[" * 100_000,
        " " * 5_000_000,
    ],
)
def test_what_is_no_surface_is_refused_before_anything_is_sent(terraform, surface):
    assert check_surface(surface) is not None
    assert terraform.validate("leasehold_tool_pin", {**PIN, "surface": surface}).paths == ["surface"]


def test_a_pin_without_a_reason_is_refused(terraform):
    assert terraform.validate("leasehold_tool_pin", {**PIN, "justification": " "}).paths == ["justification"]


def test_a_server_that_does_not_live_is_told_at_the_plan(terraform):
    outcome = terraform.plan("leasehold_tool_pin", {**PIN, "tool_server": "githup"})
    assert (outcome.paths, "Did you mean `github`?" in outcome.errors[0]) == (["tool_server"], True)


def test_a_pin_changed_by_hand_is_shown_and_put_back(registry, client, terraform):
    state = terraform.create("leasehold_tool_pin", PIN)
    registry.change("tool-pins", "github", {"surface": '{"tools": []}', "justification": "x"}, state["revision"])
    later = Terraform(client)
    seen = later.read("leasehold_tool_pin", state).ok()
    assert seen["digest"] != state["digest"]
    assert later.change("leasehold_tool_pin", PIN, seen).ok()["digest"] == state["digest"]


def test_a_number_beyond_what_a_double_holds_stays_what_it_is():
    one, other = (f'{{"tools": [{{"name": "a", "inputSchema": {{"maximum": {n}}}}}]}}' for n in (2**53, 2**53 + 1))
    assert plain_surface(one) != plain_surface(other)
