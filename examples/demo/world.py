"""The stage: a scratch folder, three issuers and a registry, gone again when the story ends."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import toolchain
from examples.demo.issuer import Issuer, person_claims, run_claims
from examples.demo.narrator import Narrator, Surprise, expect
from examples.demo.programs import Answer, Programs

EXAMPLES = Path(__file__).resolve().parent.parent
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Props:
    """What one story needs: examples to deploy, tools of the toolchain, settings of the registry."""

    examples: Sequence[str] = ("platform", "triage")
    tools: Sequence[str] = ("terraform", "node", "cdktf")
    settings: Mapping[str, str] = field(default_factory=dict)


DECLARING = Props()


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that the story plays with."""

    narrator: Narrator
    programs: Programs
    folder: Path
    cluster: Issuer
    github: Issuer
    login: Issuer
    endpoint: str
    bootstrap_token: str

    def leasehold(self, *words: str, identity: Path | None = None, codes: tuple[int, ...] = (0,)) -> Answer:
        """Run the command line, as whoever the token file speaks for."""
        who = {"LEASEHOLD_OIDC_TOKEN_FILE": str(identity)} if identity else {}
        variables = {"LEASEHOLD_ENDPOINT": self.endpoint, **who}
        return self.programs.run(self.folder, "leasehold", *words, codes=codes, variables=variables)

    def write(self, name: str, content: object) -> Path:
        """Write a file of the scratch folder: text as it is, anything else as JSON."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def ci(self, repository: str, repository_id: str, *, pull_request: bool = False) -> dict[str, str]:
        """The environment of a GitHub Actions run: where it may ask for its token, and no secret but that."""
        secret = self.github.register_run(run_claims(repository, repository_id, pull_request=pull_request))
        return {
            "GITHUB_SHA": "9f2c1b6a7e5d4c3b2a190817263544536271809f",
            "LEASEHOLD_ENDPOINT": self.endpoint,
            "CLUSTER_ISSUER": self.cluster.url,
            "LOGIN_ISSUER": self.login.url,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.github.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": secret,
        }

    def alice(self) -> Path:
        """A fresh sign-in of Alice's, as a token file."""
        return self.write("alice.jwt", self.login.sign("leasehold", person_claims()))


@contextmanager
def open_world(narrator: Narrator, props: Props = DECLARING) -> Iterator[World]:
    """Set the stage, and clear it whatever happens."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="leasehold-demo-")))
        # What programs cache for the next time goes with the rest.
        programs = Programs(toolchain.environment() | {"TMPDIR": str(folder)}, narrator)
        with narrator.step("Get the tools ready") as step:
            step.outcome = _ensure_tools(programs, folder, props)
        with narrator.step("Start the registry, and issuers for a cluster, for CI and for people") as step:
            cluster, github, login = Issuer("RS256", 3600), Issuer("RS256", 300), Issuer("ES256", 600)
            for issuer in (cluster, github, login):
                stack.enter_context(issuer.serve())
            endpoint, token = _start_registry(stack, programs, folder, props)
            step.outcome = f"registry on {endpoint}, SQLite; it prints a token that works once, for 15 minutes"
        yield World(
            narrator=narrator,
            programs=programs,
            folder=folder,
            cluster=cluster,
            github=github,
            login=login,
            endpoint=endpoint,
            bootstrap_token=token,
        )


def _ensure_tools(programs: Programs, folder: Path, props: Props) -> str:
    root = EXAMPLES.parent
    said = [
        programs.run(root, sys.executable, "-m", "toolchain", "ensure", *props.tools).err,
        programs.run(root, sys.executable, "-m", "toolchain", "provider").err,
    ]
    for example in props.examples:
        shutil.copytree(EXAMPLES / example, folder / example, ignore=shutil.ignore_patterns("__pycache__", "cdktf.out"))
    lines = [line.removeprefix("toolchain: ") for text in said for line in text.splitlines() if "(" in line]
    return ", ".join(lines)


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _start_registry(stack: ExitStack, programs: Programs, folder: Path, props: Props) -> tuple[str, str]:
    port = free_port()
    variables = {"LEASEHOLD_DATA_DIR": str(folder / "registry"), "LEASEHOLD_LOG_LEVEL": "warning", **props.settings}
    command = ("leasehold", "serve", "--port", str(port))
    server = stack.enter_context(programs.running(folder, *command, variables=variables))
    endpoint = f"http://127.0.0.1:{port}"
    wait_until_healthy(server, f"{endpoint}/healthz")
    token = server.stdout.readline().strip() if server.stdout else ""
    expect(token.startswith("lhb_"), "the registry printed no bootstrap token")
    return endpoint, token


def wait_until_healthy(server: subprocess.Popen[str], address: str) -> None:
    """Come back once there is an answer at `address`."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise Surprise(
                f"nothing answers at {address}: the program ended", server.stderr.read() if server.stderr else ""
            )
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310  our own server
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise Surprise(f"nothing answers at {address} after {_START_SECONDS} s")
