"""Synthesis of 1,000 agents × 3 resources: our constructs against the bindings that `cdktf get` makes of our provider.

Each run is a whole process, imports included, as `cdktf synth` starts it. The best of three runs of either side counts:
what disturbs a run only ever makes it longer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import toolchain
from toolchain.__main__ import ensure

from benchmarks.figure import Figure

AGENTS = 1_000
RUNS = 3

_OURS = """
import sys
from cdktf import App, TerraformStack
from leasehold_cdktf import Agent, LeaseholdProvider, ToolServer
app = App(outdir=sys.argv[1])
stack = TerraformStack(app, "s")
LeaseholdProvider(stack, "leasehold", endpoint="http://127.0.0.1:8420", stack="s")
github = ToolServer.named("github")
for n in range(int(sys.argv[2])):
    grants = [github.tool("read_file").on(f"repo:r{n}")]
    Agent(stack, f"agent-{n}", owner="alice", review_by="2027-05-01", grants=grants, deployment=False)
app.synth()
"""

_GENERATED = """
import sys
from cdktf import App, TerraformStack
from imports.leasehold.agent import Agent
from imports.leasehold.agent_grants_exclusive import AgentGrantsExclusive
from imports.leasehold.grant import Grant
from imports.leasehold.provider import LeaseholdProvider
app = App(outdir=sys.argv[1])
stack = TerraformStack(app, "s")
LeaseholdProvider(stack, "leasehold", endpoint="http://127.0.0.1:8420", stack="s")
for n in range(int(sys.argv[2])):
    agent = Agent(stack, f"agent-{n}", name=f"agent-{n}", owner="alice", review_by="2027-05-01")
    grant = Grant(
        stack, f"grant-{n}", agent=agent.name, tool_server="github", tools=["read_file"], resources=[f"repo:r{n}"]
    )
    AgentGrantsExclusive(stack, f"exclusive-{n}", agent=agent.name, grants=[grant.id])
app.synth()
"""

_PROJECT = {
    "language": "python",
    "app": "python main.py",
    "projectId": "leasehold-benchmark",
    "sendCrashReports": "false",
    "codeMakerOutput": "imports",
    "terraformProviders": ["leasehold/leasehold@0.1.0"],
    "terraformModules": [],
}


def figures() -> Iterator[Figure]:
    """`synth_1000_agents_seconds`: wall-clock seconds, import to file."""
    ensure(toolchain.repository(), ["terraform", "node", "cdktf", "provider"])
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _generate_bindings(folder)
        ours, generated = [], []
        for _ in range(RUNS):
            ours.append(_seconds(folder, _OURS))
            generated.append(_seconds(folder, _GENERATED))
    yield Figure("synth_1000_agents_seconds", min(ours), "s", min(generated), min(ours) / min(generated))


def _generate_bindings(folder: Path) -> None:
    (folder / "cdktf.json").write_text(json.dumps(_PROJECT))
    _run(folder, "cdktf", "get")


def _seconds(folder: Path, program: str) -> float:
    out = folder / "out"
    began = time.monotonic()
    _run(folder, sys.executable, "-c", program, str(out), str(AGENTS))
    taken = time.monotonic() - began
    resources = json.loads((out / "stacks" / "s" / "cdk.tf.json").read_text())["resource"]
    assert {kind: len(found) for kind, found in resources.items()} == dict.fromkeys(resources, AGENTS)
    assert len(resources) == 3  # noqa: PLR2004  agent, grant, exclusive claim
    return taken


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=toolchain.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
