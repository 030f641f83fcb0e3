"""Limits on arguments, declared on a real Terraform: made, at rest in any spelling, changed, imported, gone."""

import pytest

pytestmark = pytest.mark.terraform

STACK = """\
resource "leasehold_owner" "alice" {
  name         = "alice-l"
  display_name = "Alice"
  email        = "alice@example.com"
  team         = "billing"
}
resource "leasehold_agent" "billing" {
  name      = "billing"
  owner     = leasehold_owner.alice.name
  review_by = "2027-05-01"
}
resource "leasehold_tool_server" "crm" {
  name  = "crm"
  url   = "https://mcp.example.com/crm"
  tools = { refund = { action = "write" }, query = { action = "read" } }
}
resource "leasehold_scope" "small" {
  name        = "small"
  tool_server = leasehold_tool_server.crm.name
  tools       = ["refund", "query"]
  resources   = ["crm:acme"]
  constraints = { amount = { max = 100 } }
}
resource "leasehold_scope" "reports" {
  name        = "reports"
  tool_server = leasehold_tool_server.crm.name
  tools       = ["query"]
  resources   = ["crm:acme"]
}
resource "leasehold_ceiling" "billing" {
  name      = "billing"
  principal = "agent:${leasehold_agent.billing.name}"
  scopes    = [leasehold_scope.small.name, leasehold_scope.reports.name]
}
resource "leasehold_grant" "refund" {
  agent       = leasehold_agent.billing.name
  tool_server = leasehold_tool_server.crm.name
  tools       = ["refund"]
  resources   = ["crm:acme"]
  constraints = {
    amount   = { max = 50 }
    currency = { one_of = ["EUR", "USD"] }
  }
  depends_on = [leasehold_ceiling.billing]
}
resource "leasehold_grant" "tables" {
  agent       = leasehold_agent.billing.name
  tool_server = leasehold_tool_server.crm.name
  tools       = ["query"]
  resources   = ["crm:acme"]
  constraints = { table = { prefixes = ["sales_", "finance_"] } }
  depends_on  = [leasehold_ceiling.billing]
}
resource "leasehold_grant" "scoped" {
  agent       = leasehold_agent.billing.name
  scope       = leasehold_scope.small.name
  constraints = { amount = { max = 0.1 }, "dry run" = { boolean = true } }
  depends_on  = [leasehold_ceiling.billing]
}
resource "leasehold_agent_grants_exclusive" "billing" {
  agent  = leasehold_agent.billing.name
  grants = [leasehold_grant.refund.id, leasehold_grant.tables.id, leasehold_grant.scoped.id]
}
"""
REFUND = "billing/crm.refund@crm:acme,amount:..50,currency=EUR+USD"
TABLES = "billing/crm.query@crm:acme,table=finance_*+sales_*"
SCOPED = "billing/small,amount:..0.1,dry%20run:true"


def test_limits_live_rest_change_and_go(own_registry, make_stack):
    registry, stack = own_registry, make_stack(own_registry)
    stack.apply(STACK)
    assert sorted(registry.names("grants")) == sorted([REFUND, TABLES, SCOPED])
    assert registry.get("grants", REFUND)["constraints"]["amount"]["max"] == 50
    assert "No changes" in stack.plan(expect=0)

    respelled = (
        STACK.replace('["EUR", "USD"]', '["USD", "EUR"]')
        .replace("amount   = { max = 50 }", 'amount   = { max = "50" }')
        .replace("max = 100 }", "max = 100.0, one_of = [] }")
        .replace('{ prefixes = ["sales_", "finance_"] }', '{ globs = ["finance_*", "sales_**"] }')
        .replace("max = 0.1 }", "max = 1 / 10, min = null }")
    )
    assert "No changes" in stack.plan(respelled, expect=0)

    raised = STACK.replace("amount   = { max = 50 }", "amount   = { max = 60 }")
    said = stack.plan(raised)
    assert "must be replaced" in said
    assert REFUND.replace("50", "60") in said
    stack.apply()
    assert REFUND not in registry.names("grants")
    assert registry.get("grants", REFUND.replace("50", "60"))["constraints"]["amount"]["max"] == 60
    assert "No changes" in stack.plan(expect=0)

    above = stack.plan(STACK.replace("amount   = { max = 50 }", "amount   = { max = 101 }"), expect=1)
    assert "Grant above a ceiling" in above
    assert "with these values of `amount`" in above.replace("\n", " ").replace("│ ", "")
    outside = stack.plan(STACK.replace("amount = { max = 0.1 }", "amount = { max = 200 }"), expect=1)
    assert "Constraint outside the scope" in outside
    odd = stack.plan(STACK.replace("{ max = 0.1 }", '{ max = 0.1, one_of = ["x"] }'), expect=1)
    assert "give exactly one of" in odd

    lowered = raised.replace("max = 100 }", "max = 60 }")
    before = registry.get("scopes", "small")["revision"]
    assert "max" in stack.plan(lowered)
    stack.apply()
    assert registry.get("scopes", "small")["revision"] == before + 1
    stack.run("destroy", "-auto-approve", "-no-color")
    assert registry.names("grants") == []


def test_a_constrained_grant_made_elsewhere_is_imported_without_a_change(own_registry, make_stack):
    registry, stack = own_registry, make_stack(own_registry)
    stack.apply(STACK)
    spec = {
        "agent": "billing", "tool_server": "crm", "tools": ["refund"], "resources": ["crm:acme"],
        "constraints": {"amount": {"min": 1.5, "max": 20}, "note": {"globs": ["*\u00e9 ${x}*"]}},
    }  # fmt: skip
    name = "billing/crm.refund@crm:acme,amount:1.5..20,note=*%C3%A9%20%24%7Bx%7D*"
    registry.create("grants", name, spec)
    block = """
import {
  to = leasehold_grant.found
  id = "%s"
}
resource "leasehold_grant" "found" {
  agent       = leasehold_agent.billing.name
  tool_server = leasehold_tool_server.crm.name
  tools       = ["refund"]
  resources   = ["crm:acme"]
  constraints = { amount = { min = 1.5, max = 20 }, note = { globs = ["*\u00e9 $${x}*"] } }
}
"""
    adopted = STACK.replace("leasehold_grant.scoped.id]", "leasehold_grant.scoped.id, leasehold_grant.found.id]")
    said = stack.apply(adopted + block % name)
    assert "1 imported" in said
    assert "destroyed" not in said or "0 destroyed" in said
    assert "No changes" in stack.plan(expect=0)


def test_functions_know_constraints(own_registry, make_stack):
    stack = make_stack(own_registry)
    stack.write(
        """
output "yes" {
  value = provider::leasehold::covers({ amount = { max = 50 } }, { amount = { max = 20 }, x = { one_of = ["a"] } })
}
output "no" { value = provider::leasehold::covers({ amount = { max = 50 } }, {}) }
output "text" { value = provider::leasehold::covers("repo:*", "repo:web") }
output "name" {
  value = provider::leasehold::grant_id("billing", "crm", ["refund"], ["crm:acme"], { amount = { max = 50 } })
}
"""
    )
    stack.run("apply", "-auto-approve", "-no-color")
    said = stack.run("output", "-no-color")
    for line in ("yes = true", "no = false", "text = true", 'name = "billing/crm.refund@crm:acme,amount:..50"'):
        assert line in said
