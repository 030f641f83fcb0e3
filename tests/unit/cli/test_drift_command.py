"""`leasehold drift` and `review`: what is read, what is sent, how it ends."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.cli.terraform import Backend, leasehold, module, resources, shown_plan, shown_state, state_file
from tests.unit.review.test_review_doors import Store
from tests.unit.review.worlds import DELETE, NOW, Registry, organisation

from leasehold.model.exceptions import DriftException
from leasehold.model.kinds import Kind


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def backend(registry):
    return Backend(Store(registry))


@pytest.fixture
def write(tmp_path):
    def written(document, name="document.json"):
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return path

    return written


def sent(backend):
    return json.loads(backend.seen[-1].content)["stacks"]


@pytest.mark.parametrize(
    ("option", "document"),
    [("--state", state_file()), ("--state", shown_state()), ("--plan", shown_plan())],
    ids=["state file", "state as JSON", "plan as JSON"],
)
def test_whatever_terraform_wrote_is_clean_if_it_lives_so(backend, write, option, document):
    code, out, err = leasehold("drift", "--stack", "prod", option, write(document), answer=backend)
    assert (code, err) == (0, "")
    assert "prod: no drift" in out
    assert f"{len(organisation())} declared objects live as declared, coverage 100.0 %" in out


def test_an_empty_state_declares_nothing(backend, write):
    code, _, _ = leasehold("drift", "--state", f"other={write({'format_version': '1.0'})}", answer=backend)
    assert code == 0
    assert sent(backend) == [{"stack": "other", "resources": []}]


def test_drift_ends_with_2_and_at_the_level_with_3(backend, registry, write):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    state = write(state_file())
    assert leasehold("drift", "--state", f"prod={state}", answer=backend)[0] == 2
    for level in ("low", "high", "critical"):
        assert leasehold("drift", "--state", f"prod={state}", "--fail-on", level, answer=backend)[0] == 3


def test_drift_below_the_level_ends_with_2(backend, registry, write):
    registry.change(Kind.SCOPES, "issues", description="words")
    state = write(state_file())
    assert leasehold("drift", "--state", f"prod={state}", "--fail-on", "high", answer=backend)[0] == 2


def test_what_could_not_be_compared_ends_with_6_if_strict(backend, write):
    plan = shown_plan()
    address = next(row["address"] for row in module()["resources"] if row["type"] == "leasehold_grant")
    plan["resource_changes"] = [{"address": address, "change": {"after_unknown": {"expires_at": True}}}]
    path = write(plan)
    assert leasehold("drift", "--plan", f"prod={path}", answer=backend)[0] == 0
    code, out, _ = leasehold("drift", "--plan", f"prod={path}", "--strict", answer=backend)
    assert code == 6
    assert f"unproven: {address} (expires_at not known)" in out


def test_a_plan_that_stopped_is_incomplete_and_says_so(backend, write):
    path = write(shown_plan(errored=True))
    code, out, _ = leasehold("drift", "--plan", f"prod={path}", "--strict", answer=backend)
    assert code == 6
    assert "stack prod is incomplete: the plan stopped with an error" in out


def test_a_change_that_nobody_can_judge_ends_with_6_if_strict(backend, registry, write):
    registry.change(Kind.POLICIES, "guards", document="permit(principal, action, resource);\n")
    state = write(state_file())
    assert leasehold("drift", "--state", f"prod={state}", answer=backend)[0] == 2
    code, out, _ = leasehold("drift", "--state", f"prod={state}", "--strict", answer=backend)
    assert code == 6
    assert "not judged: 1 change (nobody can tell which way they move access)" in out


def test_what_is_accepted_fails_nothing_until_it_ends_and_is_told_all_along(backend, registry, write):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    state = write(state_file())
    asked = ("drift", "--state", f"prod={state}", "--fail-on", "low")
    found = json.loads(leasehold(*asked, "--json", answer=backend)[1])["findings"][0]
    spec = DriftException(fingerprint=found["fingerprint"], reason="incident", expires_at=NOW + timedelta(days=1))
    registry.write(Kind.DRIFT_EXCEPTIONS, "incident", spec, stack="other")
    code, out, _ = leasehold(*asked, "--markdown", answer=backend)
    assert code == 0
    assert "### ✅ Live access in `prod` is as declared, 1 accepted for now\n" in out
    assert "accepted until 2026-11-23 06:00 UTC by `oidc:alice@example.com`, exception `incident`: `incident`" in out
    registry.write(Kind.DRIFT_EXCEPTIONS, "incident", replace(spec, expires_at=NOW), stack="other")
    code, out, _ = leasehold(*asked, "--markdown", answer=backend)
    assert code == 3
    assert "no longer accepted since 2026-11-22 06:00 UTC" in out


def test_drift_at_the_level_is_graver_than_what_could_not_be_compared(backend, registry, write):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    path = write(shown_plan(errored=True))
    arguments = ("drift", "--plan", f"prod={path}", "--strict", "--fail-on", "high")
    assert leasehold(*arguments, answer=backend)[0] == 3


def test_json_on_stdout_is_pure_and_in_ascii(backend, registry, write):
    registry.change(Kind.OWNERS, "alice", display_name="Ålice \u2713")
    path = write(shown_plan(errored=True))
    _, out, err = leasehold("drift", "--plan", f"prod={path}", "--json", answer=backend)
    assert json.loads(out)["schema"] == "leasehold.drift/1"
    assert out.isascii()
    assert "incomplete" in err


def test_several_stacks_are_sent_together_and_parts_of_one_stack_as_one(backend, write):
    objects = organisation()
    first = write(state_file({key: objects[key] for key in list(objects)[:6]}), "a")
    second = write(state_file({key: objects[key] for key in list(objects)[6:]}), "b")
    leasehold("drift", "--state", f"prod={first}", "--state", f"app={second}", answer=backend)
    assert [one["stack"] for one in sent(backend)] == ["prod", "app"]
    code, _, _ = leasehold("drift", "--stack", "prod", "--state", first, "--state", second, answer=backend)
    assert code == 0
    assert [len(one["resources"]) for one in sent(backend)] == [len(objects)]


def test_only_our_own_managed_resources_leave_the_machine(backend, write):
    secret = {"attributes": {"name": "x", "password": "hunter2"}}
    foreign = [
        {
            "mode": "managed",
            "type": "aws_db_instance",
            "name": "db",
            "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
            "instances": [secret],
        },
        {
            "mode": "managed",
            "type": "leasehold_owner",
            "name": "fake",
            "provider": 'provider["registry.terraform.io/evil/leasehold"]',
            "instances": [secret],
        },
        {
            "mode": "managed",
            "type": "leasehold_owner",
            "name": "fake",
            "provider": 'provider["registry.terraform.io/leasehold/leasehold/evil"]',
            "instances": [secret],
        },
        {
            "mode": "data",
            "type": "leasehold_effective_access",
            "name": "d",
            "provider": 'provider["registry.terraform.io/leasehold/leasehold"]',
            "instances": [secret],
        },
    ]
    document = state_file()
    document["resources"] += foreign
    leasehold("drift", "--state", f"prod={write(document)}", answer=backend)
    assert b"hunter2" not in backend.seen[-1].content
    assert len(sent(backend)[0]["resources"]) == len(organisation())


def test_a_value_that_terraform_calls_sensitive_stays_and_is_named_as_unknown(backend, write):
    document = state_file()
    row = next(one for one in document["resources"] if one["type"] == "leasehold_trust_issuer")
    row["instances"][0]["sensitive_attributes"] = [[{"type": "get_attr", "value": "jwks"}]]
    leasehold("drift", "--state", f"prod={write(document)}", answer=backend)
    issuer = next(one for one in sent(backend)[0]["resources"] if one["type"] == "leasehold_trust_issuer")
    assert "jwks" not in issuer["values"]
    assert issuer["unknown"] == ["jwks"]


def test_a_value_masked_anywhere_inside_stays_too(backend, write):
    document = shown_state()
    row = document["values"]["root_module"]["resources"][0]
    row["sensitive_values"] = {"email": True, "nested": {"deep": [False, True]}}
    row["values"]["nested"] = {"deep": [1, 2]}
    leasehold("drift", "--state", f"prod={write(document)}", answer=backend)
    sent_row = next(one for one in sent(backend)[0]["resources"] if one["type"] == row["type"])
    assert sent_row["unknown"] == ["email", "nested"]
    assert not {"email", "nested"} & sent_row["values"].keys()


def test_addresses_keep_module_and_index(backend, write):
    document = state_file()
    document["resources"] = document["resources"][:1]
    values = document["resources"][0]["instances"][0]["attributes"]
    document["resources"][0] |= {
        "module": 'module.app["x"]',
        "instances": [
            {"index_key": "a", "attributes": values},
            {"index_key": 1, "attributes": {**values, "name": "other"}},
            {"deposed": "00000001", "attributes": {**values, "name": "old"}},
        ],
    }
    leasehold("drift", "--state", f"prod={write(document)}", answer=backend)
    assert [one["address"] for one in sent(backend)[0]["resources"]] == [
        'module.app["x"].leasehold_owner.alice["a"]',
        'module.app["x"].leasehold_owner.alice[1]',
    ]


def test_a_folder_is_asked_through_the_users_own_terraform(backend, tmp_path, monkeypatch):
    shown = json.dumps(shown_state())
    program = tmp_path / "terraform"
    program.write_text(f"#!/bin/sh\n[ \"$*\" = 'show -json -no-color' ] && cat <<'EOF'\n{shown}\nEOF\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert leasehold("drift", "--terraform-dir", f"prod={tmp_path}", answer=backend)[0] == 0


def test_a_review_tells_the_change_in_a_sentence(backend, write):
    plan = shown_plan(organisation() | {(Kind.GRANTS, DELETE.id): DELETE})
    code, out, _ = leasehold("review", f"prod={write(plan)}", answer=backend, width=200)
    assert code == 0
    assert "agent `triage` can now `delete_branch` on `repo:web`" in out
    assert leasehold("review", f"prod={write(plan)}", "--fail-on", "high", answer=backend)[0] == 3


def test_a_review_names_what_the_apply_would_revert(backend, registry, write):
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    _, out, _ = leasehold("review", f"prod={write(shown_plan())}", "--markdown", answer=backend)
    assert out.startswith("<!-- leasehold:review stack=prod -->\n")
    assert "takes away 1 grant made outside the code" in out
    assert f"- `{DELETE.id}`, created by `oidc:alice@example.com`" in out


def test_a_plan_of_ten_thousand_resources_is_read_and_only_ours_are_sent(backend, write):
    plan = shown_plan()
    foreign = {
        "mode": "managed",
        "type": "aws_instance",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "values": {"password": "hunter2"},
        "sensitive_values": {"password": True},
    }
    rows = [{**foreign, "name": f"n{at}", "address": f"aws_instance.n{at}"} for at in range(10_000)]
    plan["planned_values"]["root_module"]["resources"] += rows
    plan["resource_changes"] = [{"address": row["address"], "change": {"after_unknown": {}}} for row in rows]
    code, out, _ = leasehold("review", f"prod={write(plan)}", "--markdown", answer=backend)
    assert code == 0
    assert "✅ No agent gains or loses access" in out
    assert len(sent(backend)[0]["resources"]) == len(organisation())
    assert b"hunter2" not in backend.seen[-1].content


def test_a_plan_of_ten_thousand_grants_is_told_in_one_comment(backend, write):
    edges = [replace(DELETE, resources=frozenset({f"repo:r{at}"})) for at in range(10_000)]
    plan = shown_plan(organisation() | {(Kind.GRANTS, one.id): one for one in edges})
    code, out, _ = leasehold("review", f"prod={write(plan)}", "--markdown", answer=backend)
    assert code == 0
    assert len(out.encode()) <= 60_000
    assert "and 9997 more" in out
    assert re.search(r"The details of \d+ more are not shown here", out)


def test_a_sensitive_value_is_in_no_comment(backend, write):
    plan = shown_plan()
    row = next(one for one in plan["planned_values"]["root_module"]["resources"] if one["type"] == "leasehold_owner")
    row["values"]["email"], row["sensitive_values"] = "hunter2@example.com", {"email": True}
    code, out, _ = leasehold("review", f"prod={write(plan)}", "--markdown", answer=backend)
    assert code == 0
    assert "hunter2" not in out
    assert "1 object is not known yet" in out


def test_the_plan_of_another_stack_is_told_as_that_stacks(backend, write):
    code, out, _ = leasehold("review", f"other={write(shown_plan())}", "--markdown", answer=backend)
    assert code == 0
    assert out.startswith("<!-- leasehold:review stack=other -->")


def test_the_stack_may_come_from_the_environment(backend, write):
    path = write(state_file())
    assert leasehold("drift", "--state", path, answer=backend, environ={"LEASEHOLD_STACK": "prod"})[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("drift",), "what is declared?"),
        (("drift", "--state", "x.json"), "which stack is this?"),
        (("drift", "--stack", "Not A Stack", "--state", "x.json"), "is no name of a stack"),
        (("drift", "--state", "prod=/nonexistent/x.json"), "cannot be read"),
        (("drift", "--terraform-dir", "prod=/nonexistent"), "terraform does not start"),
        (("drift", "--fail-on", "dreadful"), "dreadful"),
        (("drift", "--no-such-option"), "No such option"),
    ],
)
def test_a_mistake_ends_with_1_and_never_with_the_code_for_drift(backend, arguments, said):
    code, out, err = leasehold(*arguments, answer=backend)
    assert (code, out) == (1, "")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("option", "document", "said"),
    [
        ("--state", shown_plan(), "this is a plan, not a state"),
        ("--plan", shown_state(), "this is no plan in JSON"),
        ("--state", {"version": 3}, "this is no Terraform state"),
        ("--state", [1], "is not a JSON object"),
        ("--state", {"version": 4, "resources": [{"mode": "managed"}, 7]}, "not as Terraform writes them"),
        ("--plan", {"planned_values": None}, "not as Terraform writes them"),
    ],
)
def test_a_document_of_the_wrong_sort_is_told_apart(backend, write, option, document, said):
    code, _, err = leasehold("drift", option, f"prod={write(document)}", answer=backend)
    assert code == 1
    assert said in err


def test_a_binary_plan_is_told_how_to_become_json(backend, tmp_path):
    path = tmp_path / "tfplan"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    code, _, err = leasehold("review", f"prod={path}", answer=backend)
    assert code == 1
    assert "terraform show -json" in err


def test_json_and_markdown_exclude_each_other(backend, write):
    path = write(state_file())
    code, _, err = leasehold("drift", "--state", f"prod={path}", "--json", "--markdown", answer=backend)
    assert code == 1
    assert "exclude each other" in err


def test_the_resources_of_this_test_hold_every_kind():
    assert len(list(resources())) == len(organisation())
    assert {kind for kind, _ in organisation()} == set(Kind)
