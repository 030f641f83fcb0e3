"""Registry or provider going away, Ctrl-C, two applies at once: state and registry agree after the next apply."""

import os
import signal

import pytest
from tests.e2e.provider.stack import base, plain, until

pytestmark = pytest.mark.terraform
MANY = """
resource "leasehold_owner" "many" {
  count        = %(n)s
  name         = "%(p)sowner-${count.index}"
  display_name = "Owner ${count.index}"
  email        = "owner@example.com"
  team         = "web"
}
"""


def _many(prefix, count):
    return MANY % {"p": prefix, "n": count}


def test_a_registry_that_dies_during_apply_agrees_with_the_state_after_the_next(own_registry, make_stack):
    stack = make_stack(own_registry)
    stack.write(_many("dies-", 30))
    own_registry.door.lose = lambda method, path: method == "PUT" and path.endswith("-7")
    writes = []

    def die(method, path):
        writes.append(path)
        if method == "PUT" and len([one for one in writes if "/owners/" in one]) == 40:
            own_registry.kill()

    own_registry.door.before = die
    running = stack.start("apply", "-auto-approve", "-no-color")
    until(lambda: own_registry._process is None, "the registry was never killed")
    said = stack.interrupt(running)
    assert running.returncode != 0, said

    own_registry.door.lose = own_registry.door.before = lambda *_: False
    own_registry.start()
    stack.apply()
    assert sorted(own_registry.names("owners")) == sorted(f"dies-owner-{number}" for number in range(30))
    assert "No changes" in stack.plan(expect=0)


def test_an_answer_lost_on_the_way_is_no_failure(registry, make_stack):
    stack = make_stack(registry)
    lost = []

    def lose_each_once(method, path):
        first = method in {"PUT", "DELETE"} and (method, path) not in lost
        lost.append((method, path))
        return first

    registry.door.lose = lose_each_once
    try:
        stack.apply(_many("lost-", 3))
        stack.apply(_many("lost-", 3).replace("owner@", "owners@"))
        stack.run("destroy", "-auto-approve", "-no-color")
    finally:
        registry.door.lose = lambda *_: False
    assert not [name for name in registry.names("owners") if name.startswith("lost-")]


def test_an_interrupted_apply_keeps_what_was_made(registry, make_stack):
    stack = make_stack(registry)
    stack.write(_many("ctrl-", 40))
    running = stack.start("apply", "-auto-approve", "-no-color", "-parallelism=1")
    until(lambda: registry.door.count("PUT", "/v1/owners/ctrl-") >= 3, "nothing was written")
    stack.interrupt(running)
    live = sorted(name for name in registry.names("owners") if name.startswith("ctrl-"))
    assert 3 <= len(live) < 40
    kept = stack.run("state", "list").split()
    assert len(kept) == len(live)
    assert stack.providers_running() == []
    assert "40 added" not in stack.apply()
    assert "No changes" in stack.plan(expect=0)


def test_a_provider_killed_during_plan_harms_nothing(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(base("shot-"))
    shot = []

    def shoot(method, path):
        if path.startswith("/v1/snapshot") and not shot:
            shot.extend(stack.providers_running())
            for pid in shot:
                os.kill(pid, signal.SIGKILL)

    registry.door.before = shoot
    try:
        said = plain("".join(stack.run_raw("plan", "-no-color").stderr))
    finally:
        registry.door.before = lambda *_: None
    assert shot
    assert "Error" in said
    assert "No changes" in stack.plan(expect=0)


def test_of_two_applies_at_once_one_wins_and_the_other_is_told(registry, make_stack, tmp_path):
    first = make_stack(registry)
    first.apply(base("race-"))
    second = make_stack(registry, "dev", "ci-prod")
    second.environment["LEASEHOLD_STACK"] = "prod"
    second.write(base("race-"))
    (second.root / "terraform.tfstate").write_text((first.root / "terraform.tfstate").read_text())
    first.write(base("race-").replace("2027-05-01", "2027-06-01"))
    second.write(base("race-").replace("2027-05-01", "2027-07-01"))
    first.run("plan", "-no-color", "-out=saved")
    second.run("plan", "-no-color", "-out=saved")

    running = [stack.start("apply", "-no-color", "saved") for stack in (first, second)]
    said = [plain(one.communicate()[0]) for one in running]
    codes = [one.returncode for one in running]
    assert sorted(codes) == [0, 1], said
    loser = said[codes.index(1)]
    assert "Live object changed since the plan" in loser
    assert "review_by" in loser
    winner = ("2027-06-01", "2027-07-01")[codes.index(0)]
    assert registry.get("agents", "race-bot")["review_by"] == winner
