"""A Terraform root module that sees our provider in a filesystem mirror and nothing else of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.fakes.registry_http import LiveRegistry
from tests.fakes.terraform_workspace import plain, terraform_executable, until, version

from leasehold_provider.packaging.mirror import install

_DEADLINE = 600.0
_HEAD = """\
terraform {
  required_providers {
    leasehold = {
      source = "leasehold/leasehold"
    }
  }
}
provider "leasehold" {}
"""
WATCHED = """\
  trust_issuer  = leasehold_trust_issuer.k8s.name
  workload_uid  = "18b0a8f8-4fbd-4b02-bdf8-2fce124cab19"
"""
BASE = """\
resource "leasehold_owner" "alice" {
  name         = "%(p)salice"
  display_name = "Alice Ahlström"
  email        = "alice@example.com"
  team         = "web"
}
resource "leasehold_tool_server" "github" {
  name = "%(p)sgithub"
  url  = "https://mcp.example.com/%(p)sgithub"
  tools = {
    read_file     = { action = "read" }
    create_issue  = { action = "write", description = "opens an issue" }
    delete_branch = { action = "delete" }
  }
}
resource "leasehold_scope" "reader" {
  name        = "%(p)sreader"
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file", "create_issue"]
  resources   = ["repo:web", "repo:api"]
}
resource "leasehold_ceiling" "bot" {
  name      = "%(p)sbot"
  principal = "agent:${leasehold_agent.bot.name}"
  scopes    = [leasehold_scope.reader.name]
}
resource "leasehold_agent" "bot" {
  name      = "%(p)sbot"
  owner     = leasehold_owner.alice.name
  review_by = "2027-05-01"
}
resource "leasehold_grant" "read" {
  agent       = leasehold_agent.bot.name
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file"]
  resources   = ["repo:web"]
  expires_at  = "2030-01-01T02:00:00+02:00"
  depends_on  = [leasehold_ceiling.bot]
}
resource "leasehold_grant" "scope" {
  agent      = leasehold_agent.bot.name
  scope      = leasehold_scope.reader.name
  depends_on = [leasehold_ceiling.bot]
}
resource "leasehold_agent_grants_exclusive" "bot" {
  agent  = leasehold_agent.bot.name
  grants = [leasehold_grant.read.id, leasehold_grant.scope.id]
}
resource "leasehold_trust_issuer" "k8s" {
  name      = "%(p)sk8s"
  type      = "kubernetes"
  issuer    = "https://%(p)sk8s.example.com"
  audiences = ["leasehold", "https://leasehold.example.com"]

  watch      = ["pods", "deployments"]
  api_server = "https://%(p)sk8s.example.com:6443"
  credential = "nowhere"
}
resource "leasehold_workload_binding" "bot" {
  name         = "%(p)sbot-ci"
  trust_issuer = "idp"
  agent        = leasehold_agent.bot.name
  oidc         = { subject = "ci-prod" }
}
resource "leasehold_deployment" "bot" {
  name   = "%(p)sbot-prod"
  agent  = leasehold_agent.bot.name
  commit = "c0ffee"

%(watched)s  heartbeat_ttl = 86400

  # What hangs on the deployment's id finds the grants in place.
  depends_on = [leasehold_agent_grants_exclusive.bot, leasehold_workload_binding.bot]
}
"""


def base(prefix: str, watched: str = WATCHED) -> str:
    """One of everything, under names that start with `prefix`; `watched` ties the deployment to a cluster."""
    return BASE % {"p": prefix, "watched": watched}


class Stack:
    """Configuration and state of one stack, and the identity that its pipeline has."""

    def __init__(self, folder: Path, executable: bytes, registry: LiveRegistry, stack: str, identity: str) -> None:
        self.root = folder / "root"
        self.mirror = folder / "mirror"
        self.root.mkdir()
        self.artefact = install(executable, self.mirror, ("registry.terraform.io",))[0]
        self.token_file = folder / "oidc-token"
        self.registry = registry
        self.identify(registry.oidc_token(identity))
        (self.root / "versions.tf").write_text(_HEAD)
        (folder / "rc").write_text(
            f"disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{\n"
            f'    path = "{self.mirror}"\n  }}\n}}\n'
        )
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "TF_CLI_CONFIG_FILE": str(folder / "rc"),
            "LEASEHOLD_PYTHON": sys.executable,
            "LEASEHOLD_ENDPOINT": registry.url,
            "LEASEHOLD_STACK": stack,
            "LEASEHOLD_OIDC_TOKEN_FILE": str(self.token_file),
        }
        self._ready = False

    def identify(self, token: str) -> None:
        """Replace the pipeline's OpenID Connect token."""
        self.token_file.write_text(token)

    def write(self, configuration: str, name: str = "main.tf") -> None:
        (self.root / name).write_text(configuration)
        if not self._ready:
            self._ready = True
            self.run("init", "-no-color")

    def run(self, *arguments: str, expect: int = 0, **environment: str) -> str:
        """Run terraform to its end; another exit status than expected fails the test."""
        done = self.run_raw(*arguments, **environment)
        said = plain(done.stdout + done.stderr)
        assert done.returncode == expect, said
        return said

    def run_raw(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [terraform_executable(), *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )

    def apply(self, configuration: str | None = None, expect: int = 0) -> str:
        if configuration is not None:
            self.write(configuration)
        return self.run("apply", "-auto-approve", "-no-color", expect=expect)

    def plan(self, configuration: str | None = None, expect: int = 2, **environment: str) -> str:
        """Plan; 2 means changes, 0 none, 1 an error."""
        if configuration is not None:
            self.write(configuration)
        return self.run("plan", "-no-color", "-detailed-exitcode", expect=expect, **environment)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start terraform in a process group of its own, as a terminal would."""
        return subprocess.Popen(
            [terraform_executable(), *arguments],
            cwd=self.root,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def interrupt(self, running: subprocess.Popen[str]) -> str:
        """Press Ctrl-C: the signal reaches terraform and the provider alike."""
        os.killpg(running.pid, signal.SIGINT)
        said, _ = running.communicate(timeout=_DEADLINE)
        return plain(said)

    def state(self) -> dict[str, Any]:
        """Attributes of every managed object in the state, by address."""
        state = json.loads((self.root / "terraform.tfstate").read_text())
        return {
            f"{item['type']}.{item['name']}": item["instances"][0]["attributes"]
            for item in state["resources"]
            if item["mode"] == "managed" and item["instances"]
        }

    def providers_running(self) -> list[int]:
        """Process ids of this stack's provider."""
        marker = str(self.token_file).encode()
        return [
            pid
            for pid in _processes()
            if marker in _read(pid, "environ") and b"terraform-provider-leasehold" in _read(pid, "cmdline")
        ]


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _read(pid: int, name: str) -> bytes:
    try:
        return (Path("/proc") / str(pid) / name).read_bytes()
    except OSError:
        return b""


__all__ = ["Stack", "base", "plain", "until", "version"]
