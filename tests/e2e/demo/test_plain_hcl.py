"""The examples in plain HCL make what the constructs make, object by object in a live registry."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.demo.narrator import Narrator
from examples.demo.story import PAYMENTS, PLATFORM, bootstrap, cdktf
from examples.demo.world import EXAMPLES, World, open_world

pytestmark = [pytest.mark.cdktf, pytest.mark.terraform]

STACKS = {"platform": PLATFORM, "triage": PAYMENTS}
KINDS = (
    *("owners", "agents", "trust-issuers", "workload-bindings", "tool-servers"),
    *("scopes", "ceilings", "grants", "grant-sets", "deployments"),
)
OF_THIS_WRITE = {"revision", "created_at", "updated_at", "epoch"}


@pytest.fixture
def world() -> Iterator[World]:
    """A registry that believes the platform's CI."""
    with open_world(Narrator(verbose=False)) as opened:
        bootstrap(opened)
        yield opened


def live(world: World) -> dict[str, object]:
    """Everything in the registry, without what differs from write to write."""
    found = {}
    for kind in KINDS:
        listed = world.leasehold("object", "list", kind, "--json", identity=world.alice())
        for item in json.loads(listed.out)["items"]:
            found[f"{kind}/{item['name']}"] = {key: item[key] for key in item.keys() - OF_THIS_WRITE}
    return found


def terraform(world: World, folder: Path, stack: str, *command: str) -> None:
    variables = world.ci(*STACKS[stack])
    given = {"TF_VAR_endpoint": world.endpoint}
    if stack == "platform":
        given |= {"TF_VAR_login_issuer": world.login.url, "TF_VAR_cluster_issuer": world.cluster.url}
    else:
        given |= {"TF_VAR_commit": variables["GITHUB_SHA"]}
    world.programs.run(folder, "terraform", *command, "-input=false", "-no-color", variables=variables | given)


def test_plain_hcl_makes_what_the_constructs_make_and_neither_drifts_by_itself(world):
    for stack, repository in STACKS.items():
        cdktf(world, "deploy", stack, repository)
        synthesised = world.folder / stack / "cdktf.out" / "stacks" / stack
        terraform(world, synthesised, stack, "plan", "-detailed-exitcode")  # ends with 2 if anything would change
    by_constructs = live(world)
    for stack, repository in reversed(STACKS.items()):
        cdktf(world, "destroy", stack, repository)
    copy(EXAMPLES / "terraform", world.folder / "terraform")
    for stack in STACKS:
        folder = world.folder / "terraform" / stack
        terraform(world, folder, stack, "init")
        terraform(world, folder, stack, "apply", "-auto-approve")
        terraform(world, folder, stack, "plan", "-detailed-exitcode")
    assert live(world) == by_constructs
    assert len(by_constructs) == 17  # 15 declared, and the 2 of the bootstrap


def copy(source: Path, target: Path) -> None:
    for file in source.rglob("*.tf"):
        to = target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(file.read_text())
