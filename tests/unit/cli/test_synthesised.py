"""What cdktf synthesised, read without Terraform: what is written is read, what only a plan knows stays unknown."""

from __future__ import annotations

import json

import pytest

from leasehold.cli.branches import Versions, read_versions
from leasehold.cli.exits import Failure
from leasehold.cli.synthesised import read_synthesised

PROVIDER = {"leasehold": [{"endpoint": "https://leasehold.example.com", "stack": "prod"}]}


@pytest.fixture
def stack(tmp_path):
    def write(resources, provider=PROVIDER, name="web"):
        folder = tmp_path / "cdktf.out" / "stacks" / name
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "cdktf.out" / "manifest.json").write_text("{}")
        (folder / "cdk.tf.json").write_text(json.dumps({"provider": provider, "resource": resources}))
        return tmp_path / "cdktf.out"

    return write


def rows(folder):
    (one,) = read_synthesised(folder, None)
    return {row["address"]: row for row in one.resources}


def test_references_are_followed_and_grants_are_named_by_their_address(stack):
    found = rows(
        stack(
            {
                "leasehold_agent": {"a": {"name": "bot", "owner": "${leasehold_owner.o.name}", "//": {"x": 1}}},
                "leasehold_owner": {"o": {"name": "alice", "depends_on": ["x"]}},
                "leasehold_grant": {"g": {"agent": "${leasehold_agent.a.id}", "scope": "s"}},
                "leasehold_agent_grants_exclusive": {
                    "a": {"agent": "${leasehold_agent.a.name}", "grants": ["${leasehold_grant.g.id}", "bot/other"]}
                },
                "leasehold_relation": {"r": {"subject": "user:${leasehold_owner.o.name}!", "object": "x:1"}},
                "aws_iam_role": {"r": {"name": "n"}},
            }
        )
    )
    assert found["leasehold_agent.a"]["values"] == {"name": "bot", "owner": "alice"}
    assert found["leasehold_grant.g"]["values"]["agent"] == "bot"
    claim = found["leasehold_agent_grants_exclusive.a"]
    assert claim["values"] == {"agent": "bot", "grants": ["bot/other"]}
    assert claim["references"] == {"grants": ["leasehold_grant.g"]}
    assert found["leasehold_relation.r"]["values"]["subject"] == "user:alice!"
    assert not any(row["unknown"] for row in found.values())
    assert "aws_iam_role.r" not in found


@pytest.mark.parametrize(
    "value",
    [
        "${var.owner}",
        "${data.leasehold_x.y.z}",
        "team-${aws_iam_role.r.name}",
        "${leasehold_owner.nobody.name}",
        "${leasehold_owner.o.revision}",
        "${leasehold_grant.g.id}",
        "%{ if true }a%{ endif }",
        "${leasehold_agent.loop.owner}",
        {"deep": ["${var.x}"]},
        "$$${var.x}",
    ],
)
def test_what_only_a_plan_knows_is_unknown(stack, value):
    resources = {
        "leasehold_agent": {"a": {"name": "bot", "owner": value}, "loop": {"owner": "${leasehold_agent.loop.owner}"}},
        "leasehold_owner": {"o": {"name": "alice"}},
        "leasehold_grant": {"g": {"agent": "bot"}},
    }
    row = rows(stack(resources))["leasehold_agent.a"]
    assert row["unknown"] == ["owner"]
    assert "owner" not in row["values"]


def test_an_escaped_template_is_text(stack):
    row = rows(stack({"leasehold_policy": {"p": {"document": "a $${x} %%{y}", "name": "p"}}}))["leasehold_policy.p"]
    assert row["values"]["document"] == "a ${x} %{y}"


def test_a_repeated_resource_makes_the_stack_incomplete(stack):
    (one,) = read_synthesised(stack({"leasehold_owner": {"o": {"name": "o", "count": 3}}}), None)
    assert one.incomplete
    assert "name" in one.resources[0]["unknown"]


def test_the_stack_is_the_one_that_the_provider_block_names(stack):
    assert read_synthesised(stack({}), None)[0].stack == "prod"
    assert read_synthesised(stack({}, {"leasehold": [{"endpoint": "x"}]}), None)[0].stack == "web"
    assert read_synthesised(stack({}, {"leasehold": [{"stack": "${var.s}"}]}), None)[0].stack == "web"
    folder = stack({}, {"aws": [{}]})
    with pytest.raises(Failure, match="no stack of Leasehold"):
        read_synthesised(folder, None)
    with pytest.raises(Failure, match="no stack `other`"):
        read_synthesised(stack({}), "other")


@pytest.mark.parametrize("text", ["", "[]", '{"resource": []}', '{"resource": {"leasehold_x": []}}', '{"provider": 7}'])
def test_what_cdktf_did_not_write_is_refused(stack, text):
    folder = stack({})
    (folder / "stacks" / "web" / "cdk.tf.json").write_text(text)
    with pytest.raises(Failure):
        read_synthesised(folder, None)


def test_sides_that_hold_other_stacks_are_not_compared(stack, tmp_path):
    folder = stack({"leasehold_owner": {"o": {"name": "o"}}})
    state = tmp_path / "state.json"
    state.write_text('{"version": 4, "resources": []}')
    with pytest.raises(Failure, match="hold other stacks"):
        read_versions(Versions(base=[str(folder)], head=[f"other={state}"], policies=(), stack=None))
    body, _ = read_versions(Versions(base=[str(folder)], head=[str(state)], policies=["p@3..5", "q@2"], stack="prod"))
    assert body["head"] == {"stacks": [{"stack": "prod", "resources": []}], "policies": {"p": 5}}
    assert body["base"]["policies"] == {"p": 3, "q": 2}
