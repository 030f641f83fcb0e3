"""The ephemeral credential under a real terraform: opened, used, revoked whatever happens, and never stored."""

import os
import signal

import pytest
from tests.e2e.provider.stack import base, until, version

pytestmark = [
    pytest.mark.terraform,
    pytest.mark.skipif(version() < (1, 10), reason="ephemeral resources need Terraform 1.10"),
]
USE = """
ephemeral "leasehold_credential" "bot" {
  agent       = "%(p)sbot"
  tool_server = "%(p)sgithub"
  deployment  = leasehold_deployment.bot.id
%(extra)s
}
resource "terraform_data" "use" {
  triggers_replace = "%(trigger)s"
  provisioner "local-exec" {
    command = "printf %%s \\"$TOKEN\\" > $CARGO; %(then)s"
    environment = {
      TOKEN = ephemeral.leasehold_credential.bot.access_token
      CARGO = "%(cargo)s"
    }
  }
}
"""


def _use(prefix, cargo, *, trigger="1", then="true", extra=""):
    return base(prefix, watched="") + USE % {
        "p": prefix,
        "cargo": cargo,
        "trigger": trigger,
        "then": then,
        "extra": extra,
    }


def _dead(registry, cargo):
    token = cargo.read_text()
    assert token.count(".") == 2, "the provisioner got no token"
    return not registry.is_active(token)


def test_a_token_lives_while_terraform_does_and_is_stored_nowhere(registry, make_stack, tmp_path):
    stack, cargo = make_stack(registry), tmp_path / "cargo"
    stack.write(_use("ok-", cargo, then="sleep 1"))
    done = stack.run_raw("apply", "-auto-approve", "-no-color", TF_LOG="trace", TF_LOG_PATH=str(tmp_path / "trace.log"))
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: _dead(registry, cargo), "the token outlived the run")

    stack.run("plan", "-no-color", "-out=saved")
    shown = stack.run_raw("show", "-json", "saved").stdout
    secrets = [cargo.read_text(), stack.token_file.read_text()]
    everything = [
        done.stdout + done.stderr,
        shown,
        (tmp_path / "trace.log").read_text(),
        (stack.root / "terraform.tfstate").read_text(),
        (stack.root / "saved").read_bytes().decode("latin-1"),
    ]
    for secret in secrets:
        signature = secret.rpartition(".")[2]
        assert len(signature) > 40
        assert not [text for text in everything if signature in text or secret.split(".")[1] in text]


def test_what_a_failed_apply_leaves_open_is_revoked(registry, make_stack, tmp_path):
    stack, cargo = make_stack(registry), tmp_path / "cargo"
    said = stack.apply(_use("fail-", cargo, then="exit 3"), expect=1)
    assert "exit status 3" in said
    until(lambda: _dead(registry, cargo), "the token outlived the failed run")
    assert stack.providers_running() == []


def test_what_a_killed_terraform_leaves_open_is_revoked(registry, make_stack, tmp_path):
    stack, cargo = make_stack(registry), tmp_path / "cargo"
    stack.apply(base("kill-", watched=""))
    stack.write(_use("kill-", cargo, then="sleep 60"))
    running = stack.start("apply", "-auto-approve", "-no-color")
    until(lambda: cargo.exists() and cargo.read_text(), "no token arrived")
    assert registry.is_active(cargo.read_text())
    running.kill()
    until(lambda: not stack.providers_running(), "the provider outlived terraform")
    until(lambda: _dead(registry, cargo), "the token outlived terraform")
    os.killpg(running.pid, signal.SIGKILL)  # the provisioner's sleep
    running.communicate()


def test_the_registry_token_ends_with_every_walk(registry, make_stack):
    stack = make_stack(registry)
    registry.door.requests.clear()
    stack.apply(base("walk-", watched=""))
    issued = registry.door.count("POST", "/oauth2/token")
    assert registry.door.count("POST", "/oauth2/revoke") == issued
    registry.door.requests.clear()
    stack.plan(expect=0)
    assert registry.door.count("POST", "/oauth2/token") == 1
    assert registry.door.count("POST", "/oauth2/revoke") == 1
    assert issued == 2


def test_a_long_apply_renews_into_a_file_that_only_we_can_read(registry, make_stack, tmp_path):
    stack, cargo, file = make_stack(registry), tmp_path / "cargo", tmp_path / "token"
    stack.write(_use("file-", cargo, then=f"ls -l {file} > {cargo}.mode", extra=f'  token_file  = "{file}"'))
    stack.apply()
    assert (tmp_path / "cargo.mode").read_text().startswith("-rw-------")
    assert not file.exists()
    until(lambda: _dead(registry, cargo), "the token outlived the run")


def test_a_pull_request_plans_without_minting(registry, make_stack, tmp_path):
    stack, cargo = make_stack(registry), tmp_path / "cargo"
    stack.apply(_use("pr-", cargo))
    stack.identify(registry.github.token(event_name="pull_request", ref="refs/pull/7/merge"))
    registry.door.requests.clear()
    said = stack.plan(expect=0)
    assert "No credential for agent `pr-bot`" in said
    assert "No changes" in said
    assert registry.door.count("POST", "/oauth2/token") == 1
    stack.write(_use("pr-", cargo).replace("2027-05-01", "2027-06-01"))
    assert "2027-06-01" in stack.plan(expect=2)
    said = stack.apply(expect=1)
    assert "Not allowed" in said
