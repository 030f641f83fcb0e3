"""An agent's stack changes over time: every change goes through in one deploy, and nothing is left to do after it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.demo.narrator import Narrator
from examples.demo.story import PAYMENTS, PLATFORM, bootstrap, cdktf
from examples.demo.world import World, open_world

pytestmark = [pytest.mark.cdktf, pytest.mark.terraform]

COMMENT = 'github.tool("create_comment").on("repo:acme/payments"),'
CHANGES = {
    "another grant, one gone": (COMMENT, 'github.tool("create_comment").on("repo:acme/checkout"),'),
    "an end for a grant": ('.on("repo:acme/checkout")', '.on("repo:acme/checkout", expires_at="2027-01-01T00:00:00Z")'),
    "no claim on the whole set": ("commit=", "exclusive=False, commit="),
    "the claim again": ("exclusive=False, commit=", "commit="),
    "a new commit": ('os.environ.get("GITHUB_SHA", "")', '"c0ffee"'),
    "another name": ('            "triage",\n            owner', '            "sorter",\n            owner'),
    "nothing granted": ("grants=[", "grants=[] and ["),
}


@pytest.fixture
def world() -> Iterator[World]:
    """A registry in which the agent's stack is deployed."""
    with open_world(Narrator(verbose=False)) as opened:
        bootstrap(opened)
        cdktf(opened, "deploy", "platform", PLATFORM)
        deploy(opened)
        yield opened


def deploy(world: World) -> None:
    """Deploy the agent's stack as `cdktf deploy` does, without its start-up of three seconds."""
    program, run = world.folder / "triage", world.ci(*PAYMENTS)
    world.programs.run(program, sys.executable, "triage_stack.py", variables=run)
    for step in (["init"], ["apply", "-auto-approve"], ["plan", "-detailed-exitcode"]):
        world.programs.run(stack_of(world), "terraform", *step, "-input=false", "-no-color", variables=run)


def stack_of(world: World) -> Path:
    return world.folder / "triage" / "cdktf.out" / "stacks" / "triage"


def names(world: World, kind: str) -> set[str]:
    listed = world.leasehold("object", "list", kind, "--json", identity=world.alice())
    return {item["name"] for item in json.loads(listed.out)["items"]}


def test_every_change_goes_through_in_one_deploy(world):
    program = world.folder / "triage" / "triage_stack.py"
    seen = []
    for before, after in CHANGES.values():
        text = program.read_text()
        assert text.count(before) == 1, before
        program.write_text(text.replace(before, after))
        deploy(world)  # its last step ends with 2 if anything were left to do
        seen.append(names(world, "grants"))
    moved = {"triage/github.create_comment@repo:acme/checkout", "triage/reading@repo:acme/payments"}
    renamed = {name.replace("triage/", "sorter/") for name in moved}
    assert seen == [moved, moved, moved, moved, moved, renamed, set()]
    assert names(world, "agents") == names(world, "grant-sets") == names(world, "deployments") == {"sorter"}
    world.programs.run(stack_of(world), "terraform", "destroy", "-auto-approve", variables=world.ci(*PAYMENTS))
    assert names(world, "agents") == set()
