"""What the longer story plays with: a repository to review, a helpdesk, and the agents' program under way."""

import json
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.demo.issuer import pod_claims
from examples.demo.narrator import Surprise
from examples.demo.world import World, free_port, wait_until_healthy

ROOT = Path(__file__).resolve().parents[2]
Line = dict[str, object]


def make_repository(world: World) -> tuple[Path, str]:
    """A Git repository, and the credential that its last commit brings in."""
    folder, leaked = world.folder / "git" / "shop", f"ghp_{secrets.token_hex(18)}"
    with world.narrator.step("Make a Git repository whose last commit brings a credential in") as step:
        folder.mkdir(parents=True)
        _git(world, folder, "init", "--quiet")
        for content, message in (("PRICE = 12\n", "Say the price"), (f'PRICE = 9\nTOKEN = "{leaked}"\n', "Cut it")):
            (folder / "shop.py").write_text(content)
            _git(world, folder, "add", "shop.py")
            _git(world, folder, "commit", "--quiet", "--message", message)
        step.outcome = "2 commits in git/shop"
    return folder, leaked


def _git(world: World, folder: Path, *words: str) -> None:
    settings = ("user.name=Dev", "user.email=dev@example.com", "init.defaultBranch=main", "commit.gpgsign=false")
    world.programs.run(folder, "git", *(word for setting in settings for word in ("-c", setting)), *words)


@contextmanager
def running_helpdesk(world: World, key: str) -> Iterator[str]:
    """The helpdesk's database behind DBHub, which lets in who brings the key; gives its address."""
    folder, port = world.folder / "assistants", free_port()
    database = sqlite3.connect(folder / "helpdesk.db")
    database.executescript((folder / "helpdesk.sql").read_text())
    database.close()
    dbhub = ROOT / ".toolchain" / "dbhub" / "node_modules" / "@bytebase" / "dbhub" / "dist" / "index.js"
    address = ("--transport", "http", "--host", "127.0.0.1", "--port", str(port))
    variables = {"DBHUB_AUTH_TOKEN": key, "HELPDESK": f"sqlite://{folder / 'helpdesk.db'}"}
    command = ("node", str(dbhub), *address, "--config", "dbhub.toml")
    with world.programs.running(folder, *command, variables=variables) as program:
        with world.narrator.step("Start the helpdesk: npm's DBHub, over HTTP, which wants a key") as step:
            wait_until_healthy(program, f"http://127.0.0.1:{port}/healthz")
            step.outcome = f"http://127.0.0.1:{port}/mcp"
        yield f"http://127.0.0.1:{port}/mcp"


class Assistant:
    """An agent's program under way: it makes one call after the other, and says what came of each."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self._program = program
        self.tools = self._read().get("tools")

    def call(self, tool: str, **arguments: object) -> Line:
        """What came of one call."""
        if self._program.stdin is not None:
            self._program.stdin.write(json.dumps({"tool": tool, "arguments": arguments}) + "\n")
            self._program.stdin.flush()
        return self._read()

    def _read(self) -> Line:
        line = self._program.stdout.readline() if self._program.stdout else ""
        if not line:
            raise Surprise("the agent's program ended", self._program.stderr.read() if self._program.stderr else "")
        said: Line = json.loads(line)
        return said


@contextmanager
def assistant(world: World, agent: str, tool_server: str, person: Path | None = None) -> Iterator[Assistant]:
    """The program of an agent, in a pod of its own, at one tool server; for a person, if there is one."""
    token = world.write(f"{agent}.jwt", world.cluster.sign([world.endpoint], pod_claims("assistants", agent)))
    variables = {
        "LEASEHOLD_ENDPOINT": world.endpoint,
        "LEASEHOLD_AGENT": agent,
        "LEASEHOLD_RESOURCE": f"{world.endpoint}/mcp/{tool_server}",
        "LEASEHOLD_TOKEN_FILE": str(token),
    }
    command = (sys.executable, "client.py", *(("--person", str(person)) if person is not None else ()))
    with world.programs.running(world.folder / "assistants", *command, variables=variables) as program:
        yield Assistant(program)
