"""Plan without change: 1,000 agents and 1,000 grants of ours against 2,000 `terraform_data`, by turns in one run.

A real terraform, the provider as shipped, a real `leasehold serve`. The registry's reads are counted at a door in
front of it; CPU and memory of the provider come from a wrapper around its interpreter in a plan of its own.

Terraform's own time grows with what each instance holds, so the other side comes twice: `terraform_data` that holds the
very values our state holds (`plan_vs_terraform_data`), and one that holds only what the user wrote, four or five values
an instance (`plan_vs_sparse_terraform_data`): the second asks the provider's calls to cost nothing at all.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from tests.e2e.provider.stack import Stack
from tests.fakes.registry_http import LiveRegistry, live_registry

from benchmarks.figure import Figure
from leasehold_provider.packaging.archive import ENTRY, PACKAGE, archive_bytes, read_sources

COUNT = 1_000
ROUNDS = 5
_OURS = """
resource "leasehold_owner" "alice" {
  name         = "alice"
  display_name = "Alice"
  email        = "alice@example.com"
  team         = "web"
}
resource "leasehold_tool_server" "github" {
  name  = "github"
  url   = "https://mcp.example.com/github"
  tools = { read_file = { action = "read" } }
}
resource "leasehold_agent" "agent" {
  count       = %(n)d
  name        = "agent-${count.index}"
  owner       = leasehold_owner.alice.name
  review_by   = "2027-05-01"
  description = "number ${count.index}"
}
resource "leasehold_grant" "grant" {
  count       = %(n)d
  agent       = "agent-${count.index}"
  tool_server = leasehold_tool_server.github.name
  tools       = ["read_file"]
  resources   = ["repo:${count.index}"]
  # A reference into a `count` costs Terraform itself time in the square of the count, on either side.
  depends_on = [leasehold_agent.agent]
}
"""
_THEIRS = """
resource "terraform_data" "alice" {
  input = "alice"
}
resource "terraform_data" "github" {
  input = "github"
}
resource "terraform_data" "agent" {
  count = %(n)d
  input = {
    name                  = "agent-${count.index}"
    owner                 = terraform_data.alice.output
    review_by             = "2027-05-01"
    description           = "number ${count.index}"
    environment           = ""
    state                 = "active"
    max_ttl               = 300
    client_jwks           = null
    client_jwks_uri       = null
    redirect_uris         = toset([])
    client_secret_allowed = false
    dpop                  = "off"
    may_delegate_to       = toset([])
    max_delegation_depth  = 3
  }
}
resource "terraform_data" "grant" {
  count = %(n)d
  input = {
    agent          = "agent-${count.index}"
    scope          = null
    tool_server    = terraform_data.github.output
    tools          = toset(["read_file"])
    resources      = toset(["repo:${count.index}"])
    allow_wildcard = false
    justification  = ""
    expires_at     = null
  }
  depends_on = [terraform_data.agent]
}
"""
_SPARSE = """
resource "terraform_data" "alice" {
  input = "alice"
}
resource "terraform_data" "github" {
  input = "github"
}
resource "terraform_data" "agent" {
  count = %(n)d
  input = {
    name        = "agent-${count.index}"
    owner       = terraform_data.alice.output
    review_by   = "2027-05-01"
    description = "number ${count.index}"
  }
}
resource "terraform_data" "grant" {
  count = %(n)d
  input = {
    agent       = "agent-${count.index}"
    tool_server = terraform_data.github.output
    tools       = ["read_file"]
    resources   = ["repo:${count.index}"]
  }
  depends_on = [terraform_data.agent]
}
"""
_METER = """\
#!{python} -IS
import json, os, resource, subprocess, sys
status = subprocess.call([{python!r}, *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(os.path.join({folder!r}, str(os.getpid())), "w") as file:
    json.dump({{"cpu": used.ru_utime + used.ru_stime, "rss_kib": used.ru_maxrss}}, file)
sys.exit(status)
"""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "registry").mkdir()
        with live_registry(folder / "registry") as registry:
            ours = _stack(folder / "ours", registry, _OURS)
            theirs = _stack(folder / "theirs", registry, _THEIRS)
            sparse = _stack(folder / "sparse", registry, _SPARSE)
            _create(registry)
            registry.door.requests.clear()
            _plan(ours)
            reads = registry.door.count("GET")
            yield Figure("plan_registry_reads", reads, "reads", 2, reads / 2)
            took = [(_plan(ours), _plan(theirs), _plan(sparse)) for _ in range(ROUNDS)]
            mine, other, little = (statistics.median(times) for times in zip(*took, strict=True))
            yield Figure("plan_seconds", mine, "s", other, mine / other)
            yield Figure("plan_vs_terraform_data", mine / other, "ratio", 1.3, mine / other)
            yield Figure("plan_vs_sparse_terraform_data", mine / little, "ratio", f"{little:.2f} s", mine / little)
            yield from _provider(ours, folder / "meter")


def _stack(folder: Path, registry: LiveRegistry, configuration: str) -> Stack:
    folder.mkdir()
    stack = Stack(folder, archive_bytes(read_sources(PACKAGE), ENTRY), registry, "prod", "ci-prod")
    if configuration is not _OURS:
        (stack.root / "versions.tf").write_text("")
    stack.write(configuration % {"n": 1})
    stack.run("apply", "-auto-approve", "-no-color")
    stack.write(configuration % {"n": COUNT})
    _multiply(stack.root / "terraform.tfstate")
    return stack


def _multiply(path: Path) -> None:
    """Write the state that an apply of all would leave: Terraform itself takes minutes for it."""
    state = json.loads(path.read_text())
    for resource in state["resources"]:
        if "index_key" in resource["instances"][0]:
            first = json.dumps(resource["instances"][0])
            resource["instances"] = [json.loads(_numbered(first, number)) for number in range(COUNT)]
    path.write_text(json.dumps(state))


def _numbered(first: str, number: int) -> str:
    for word in ("agent-", "repo:", "number ", '"index_key": '):
        first = first.replace(f"{word}0", f"{word}{number}")
    return first


def _create(registry: LiveRegistry) -> None:
    """Bring to life what the state says, as the stack's own pipeline."""
    for number in range(1, COUNT):
        agent = {"owner": "alice", "review_by": "2027-05-01", "description": f"number {number}"}
        registry.create("agents", f"agent-{number}", agent, "ci-prod")
        reach = {"tool_server": "github", "tools": ["read_file"], "resources": [f"repo:{number}"]}
        name = f"agent-{number}/github.read_file@repo:{number}"
        registry.create("grants", name, {"agent": f"agent-{number}", **reach}, "ci-prod")


def _plan(stack: Stack, **environment: str) -> float:
    began = perf_counter()
    done = stack.run_raw("plan", "-no-color", "-detailed-exitcode", **environment)
    took = perf_counter() - began
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return took


def _provider(stack: Stack, folder: Path) -> Iterator[Figure]:
    folder.mkdir()
    meter = folder.parent / "meter-python"
    meter.write_text(_METER.format(python=sys.executable, folder=str(folder)))
    meter.chmod(0o755)
    _plan(stack, LEASEHOLD_PYTHON=str(meter))
    used = [json.loads(path.read_text()) for path in folder.iterdir()]
    cpu = sum(one["cpu"] for one in used)
    bare = _bare_cpu()
    yield Figure("plan_provider_cpu_seconds", cpu, "s", f"{len(used)} bare interpreters", cpu / (bare * len(used)))
    yield Figure("plan_provider_rss_mb", max(one["rss_kib"] for one in used) / 1024, "MB")


def _bare_cpu() -> float:
    """CPU seconds of an interpreter that does nothing."""
    before = os.times()
    for _ in range(10):
        subprocess.run([sys.executable, "-IS", "-c", "pass"], check=True)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user - before.children_system) / 10
