"""Credential profiles through a real terraform: a profile of every system, from its first apply to its end."""

import json

import pytest

pytestmark = pytest.mark.terraform

PROFILES = """
resource "leasehold_owner" "alice" {
  name         = "%(p)salice"
  display_name = "Alice Ahlström"
  email        = "alice@example.com"
  team         = "web"
}
resource "leasehold_agent" "bot" {
  name      = "%(p)sbot"
  owner     = leasehold_owner.alice.name
  review_by = "2027-05-01"
}
resource "leasehold_credential_profile" "deploy" {
  name   = "%(p)sdeploy"
  agents = [leasehold_agent.bot.name]
  aws = {
    role_arn  = "arn:aws:iam::123456789012:role/agent-deploy"
    region    = "eu-central-1"
    on_revoke = "deny-session"
    tags      = { team = "web", cost = "7" }
    session_policy = jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::orders/*" }]
    })
  }
}
resource "leasehold_credential_profile" "orders" {
  name    = "%(p)sorders"
  agents  = [leasehold_agent.bot.name]
  max_ttl = 120
  postgresql = {
    dsn        = "orders-admin"
    roles      = ["orders_reader", "orders_writer"]
    schema     = "orders"
    privileges = ["select", "insert"]
  }
}
resource "leasehold_credential_profile" "hub" {
  name   = "%(p)shub"
  agents = [leasehold_agent.bot.name]
  github_app = {
    app_id          = "1"
    installation_id = "2"
    repositories    = ["web", "api"]
    permissions     = { contents = "read", issues = "write" }
    private_key     = "app-key"
  }
}
resource "leasehold_credential_profile" "vault" {
  name        = "%(p)svault"
  agents      = [leasehold_agent.bot.name]
  description = "Reads what Vault keeps."
  federation  = { audience = "https://vault.example" }
}
"""
KIND = "credential-profiles"


def profiles(prefix):
    return PROFILES % {"p": prefix}


def test_profiles_are_made_rest_change_and_go(registry, make_stack):
    stack = make_stack(registry)
    assert "6 added" in stack.apply(profiles("cred-"))
    live = registry.get(KIND, "cred-deploy")
    assert (live["stack"], live["agents"], live["aws"]["duration"]) == ("prod", ["cred-bot"], 900)
    assert json.loads(live["aws"]["session_policy"])["Statement"][0]["Action"] == "s3:GetObject"
    assert live["aws"]["tags"] == {"team": "web", "cost": "7"}
    assert registry.get(KIND, "cred-hub")["github_app"]["api_url"] == "https://api.github.com"
    assert "No changes" in stack.plan(expect=0)

    revisions = {name: registry.get(KIND, f"cred-{name}")["revision"] for name in ("deploy", "orders", "hub", "vault")}
    changed = profiles("cred-").replace('["select", "insert"]', '["select"]').replace("cost = ", "costs = ")
    said = stack.apply(changed)
    assert "2 changed" in said
    assert registry.get(KIND, "cred-orders")["postgresql"]["privileges"] == ["select"]
    assert registry.get(KIND, "cred-deploy")["aws"]["tags"] == {"team": "web", "costs": "7"}
    assert {
        name: registry.get(KIND, f"cred-{name}")["revision"] - revision for name, revision in revisions.items()
    } == {"deploy": 1, "orders": 1, "hub": 0, "vault": 0}
    assert "No changes" in stack.plan(expect=0)

    assert "6 destroyed" in stack.run("destroy", "-auto-approve", "-no-color")
    assert not [name for name in registry.names(KIND) if name.startswith("cred-")]


def test_order_and_defaults_never_show(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(profiles("credcalm-"))
    respelled = (
        profiles("credcalm-")
        .replace('["orders_reader", "orders_writer"]', '["orders_writer", "orders_reader"]')
        .replace('["select", "insert"]', '["insert", "select"]')
        .replace('["web", "api"]', '["api", "web"]')
        .replace('{ team = "web", cost = "7" }', '{ cost = "7", team = "web" }')
        .replace('region    = "eu-central-1"', 'region = "eu-central-1"\n    mode = "assume-role"\n    duration = 900')
        .replace('audience = "https://vault.example"', 'audience = "https://vault.example", token_ttl = 300')
        .replace('app_id          = "1"', 'app_id = "1"\n    api_url = "https://api.github.com"')
    )
    assert "No changes" in stack.plan(respelled, expect=0)


def test_a_profile_changed_behind_terraform_shows_and_is_reverted(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(profiles("creddrift-"))
    wide = {**registry.get(KIND, "creddrift-orders")["postgresql"], "privileges": ["delete", "insert", "select"]}
    registry.change(KIND, "creddrift-orders", postgresql=wide, max_ttl=300)

    said = stack.plan()
    assert '- "delete"' in said
    assert "max_ttl = 300 -> 120" in said
    stack.apply()
    live = registry.get(KIND, "creddrift-orders")
    assert (live["max_ttl"], live["postgresql"]["privileges"]) == (120, ["insert", "select"])


def test_profiles_are_imported_as_they_are(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(profiles("credimport-"))
    ids = {address: values["id"] for address, values in stack.state().items()}
    (stack.root / "terraform.tfstate").unlink()
    blocks = "".join(f'import {{\n  to = {address}\n  id = "{name}"\n}}\n' for address, name in ids.items())

    said = stack.apply(profiles("credimport-") + blocks)

    assert "6 imported, 0 added, 0 changed, 0 destroyed" in said, said
    assert "No changes" in stack.plan(profiles("credimport-"), expect=0)


def test_another_system_under_the_same_name_is_a_change_in_place(registry, make_stack):
    stack = make_stack(registry)
    stack.apply(profiles("credswap-"))
    other = 'federation  = { audience = "https://vault.example" }'
    said = stack.apply(profiles("credswap-").replace(other, 'postgresql = { dsn = "vault-db", roles = ["reader"] }'))
    assert "1 changed" in said
    live = registry.get(KIND, "credswap-vault")
    assert (live["federation"], live["postgresql"]["dsn"]) == (None, "vault-db")
    assert "No changes" in stack.plan(expect=0)


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("role/agent-deploy", "user/agent", "must read arn:aws:iam"),
        ('federation  = { audience = "https://vault.example" }', "", "Exactly one is needed"),
        ('dsn        = "orders-admin"', 'dsn = "postgresql://admin:hunter2@db/orders"', "must be 1-63 characters"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_at_plan_and_nothing_is_written(registry, make_stack, wrong, right, said):
    stack = make_stack(registry)
    configuration = profiles("credbad-")
    assert wrong in configuration

    told = stack.plan(configuration.replace(wrong, right), expect=1)

    assert said in told
    assert "hunter2" not in told
    assert not [name for name in registry.names(KIND) if name.startswith("credbad-")]
