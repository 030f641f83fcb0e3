"""Plans that name only a part of a stack: of some targets, of a refresh alone. What they leave alone stays."""

import json

from tests.unit.cli.terraform import PROVIDER, Backend, leasehold, module, shown_plan
from tests.unit.review.test_review_doors import Store
from tests.unit.review.worlds import DELETE, READ, Registry, organisation

from leasehold.model.kinds import Kind


def change(address, *actions, **more):
    return {"address": address, "provider_name": PROVIDER, "change": {"actions": list(actions)}, **more}


def partial(planned, changes=(), **more):
    """As Terraform 1.11 writes `-target` and `-refresh-only`: the state whole, the plan in part."""
    prior = {"format_version": "1.0", "values": {"root_module": module()}}
    given = {"resource_changes": list(changes), "prior_state": prior, **more}
    whole = shown_plan(planned, was=planned or organisation(), **given)
    return whole if planned else {**whole, "planned_values": {"root_module": {}}}


def address_of(key):
    root = module()
    rows = [*root["resources"], *root["child_modules"][0]["resources"]]
    return next(one["address"] for one in rows if one["values"]["id"] == key)


def reviewed(tmp_path, document):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    code, out, _ = leasehold("review", path, "--stack", "prod", "--json", answer=Backend(Store(Registry())))
    assert code == 0
    return json.loads(out)


def gains_and_losses(report):
    return [(len(one["gains"]), len(one["losses"])) for one in report["access"]]


def test_a_plan_of_one_target_takes_nothing_else_away(tmp_path):
    planned = {(Kind.GRANTS, DELETE.id): DELETE}
    report = reviewed(tmp_path, partial(planned, [change("leasehold_grant.x", "create")], complete=False))
    assert gains_and_losses(report) == [(1, 0)]
    assert report["foundations"] == []


def test_a_plan_of_a_refresh_alone_changes_nothing(tmp_path):
    report = reviewed(tmp_path, partial({}))
    assert (report["access"], report["foundations"], report["gate"]["findings"]) == ([], [], [])


def test_what_a_plan_of_one_target_deletes_goes(tmp_path):
    report = reviewed(tmp_path, partial({}, [change(address_of(READ.id), "delete")], complete=False))
    assert gains_and_losses(report) == [(0, 1)]


def test_what_moves_to_another_address_is_there_once(tmp_path):
    old = address_of(READ.id)
    planned = {(Kind.GRANTS, READ.id): READ}
    moved = change("leasehold_grant.triage_github_read_file_repo_web", "no-op", previous_address=old)
    report = reviewed(tmp_path, partial(planned, [moved]))
    assert (report["access"], report["unproven"]) == ([], [])
    assert not [one for one in report["gate"]["findings"] if one["check"] == "conflict"]


def test_nothing_goes_but_by_a_plan_that_says_so(tmp_path):
    whole = shown_plan(organisation(), prior_state={"values": {"root_module": module()}})
    assert reviewed(tmp_path, whole)["access"] == []


def left_behind(report):
    return [one["sentence"] for one in report["gate"]["findings"] if "is left behind" in one["sentence"]]


def test_what_no_code_declares_and_no_plan_takes_away_is_left_behind_and_no_loss_to_count_on(tmp_path):
    """As after `removed { lifecycle { destroy = false } }`, or `terraform state rm`."""
    without = {key: spec for key, spec in organisation().items() if key[0] not in {Kind.GRANTS, Kind.GRANT_SETS}}
    report = reviewed(tmp_path, shown_plan(without, was=without))
    said = f"grant `{READ.id}` is left behind: no code declares it, and the plan does not take it away"
    assert said in left_behind(report)
    assert report["gate"]["verdict"] == "deny", "an agent in production"
    assert left_behind(reviewed(tmp_path, shown_plan(without))) == []
