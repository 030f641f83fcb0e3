"""Limits on arguments on a real Terraform: clean as applied, found when raised by hand, adopted by the code given."""

import json
from pathlib import Path

import jsonschema
import pytest
from tests.e2e.drift.test_drift_of_a_real_stack import drift, plan_json
from tests.e2e.provider.test_constraints import REFUND, STACK

SCHEMAS = Path(__file__).parents[3] / "schemas"
LOOSE = REFUND.replace("50", "500").replace(",currency=EUR+USD", ",note=%60%24%7Bx%7D%60*")
LOOSE_SPEC = {
    "agent": "billing",
    "tool_server": "crm",
    "tools": ["refund"],
    "resources": ["crm:acme"],
    "constraints": {"amount": {"max": 500}, "note": {"prefixes": ["`${x}`"]}},
}
pytestmark = pytest.mark.terraform


def test_limits_are_clean_then_found_then_adopted(leasehold, stack, tmp_path):
    roomy = STACK.replace("max = 100 }", "max = 1000 }")
    stack.apply(roomy)
    assert drift(leasehold, stack, "--strict").returncode == 0
    plan = plan_json(stack, tmp_path)
    assert leasehold("drift", "--plan", f"prod={plan}", "--strict").returncode == 0

    done = leasehold("object", "put", "grants", LOOSE, "--file", "-", stdin=json.dumps(LOOSE_SPEC))
    assert done.returncode == 0, done.stderr
    report = json.loads(drift(leasehold, stack, "--json").stdout)
    jsonschema.validate(report, json.loads((SCHEMAS / "drift.schema.json").read_text()))
    (finding,) = report["findings"]
    said = "agent `billing` can now `refund` on `crm:acme` where `amount` ≤ 500 and `note` begins with "
    assert finding["sentence"] == said + "`\\u{60}${x}\\u{60}`"
    assert "`amount` ≤ 500" in drift(leasehold, stack, "--markdown").stdout

    fix = finding["fix"]
    stack.write(fix["adopt_hcl"] + fix["import"], "adopted.tf")
    stack.run("fmt", "-check", "adopted.tf")
    label = fix["adopt_hcl"].split('"')[3]
    claimed = roomy.replace("leasehold_grant.scoped.id]", f"leasehold_grant.scoped.id, leasehold_grant.{label}.id]")
    assert "1 imported, 0 added" in stack.apply(claimed)
    assert drift(leasehold, stack, "--strict").returncode == 0
    assert "No changes" in stack.plan(expect=0)

    stack.write(claimed.replace("amount   = { max = 50 }", "amount   = { max = 60 }"))
    plan = plan_json(stack, tmp_path)
    review = json.loads(leasehold("review", f"prod={plan}", "--json").stdout)
    jsonschema.validate(review, json.loads((SCHEMAS / "plan-review.schema.json").read_text()))
    (change,) = review["access"]
    assert change["sentence"].startswith("agent `billing` can now `refund` on `crm:acme` where `amount` ≤ 60")
    assert change["losses"] == []
