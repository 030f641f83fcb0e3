"""`make demo`, as a newcomer runs it: it goes as told, and leaves nothing behind, however it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from examples.demo.__main__ import perform
from examples.demo.narrator import Narrator, Surprise, expect
from examples.demo.programs import Programs
from examples.demo.world import World

pytestmark = [pytest.mark.cdktf, pytest.mark.terraform]

ROOT = Path(__file__).resolve().parents[3]
STEPS = 14
PATIENCE = 600  # seconds, for a busy machine


@pytest.fixture
def scratch() -> Iterator[Path]:
    """An empty folder with a short path: Terraform and its providers meet on a Unix socket below it."""
    with TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


@contextmanager
def demo(scratch: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo under way, with its scratch folder where we can look."""
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "examples.demo", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def registry_listens(said: str) -> bool:
    """Whether anything listens where the demo said its registry is."""
    port = int(re.search(r"registry on http://127\.0\.0\.1:(\d+)", said)[1])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_goes_as_told_and_leaves_nothing_behind(scratch):
    with demo(scratch) as program:
        said, _ = program.communicate(timeout=PATIENCE)
    assert program.returncode == 0, said
    assert f"All {STEPS} steps went as told" in said
    numbers = [int(number) for number in re.findall(r"^ ?(\d+)  \S.*  \d+\.\d s$", said, re.MULTILINE)]
    assert numbers == list(range(1, STEPS + 1)), said
    for told in (
        # the pull request's access diff
        "new agent `triage` can now `create_comment`, `list_pull_requests`, `read_file` on `repo:acme/payments`",
        "above ceiling `payments`",
        "unmanaged",  # the drift report
        "introspection: inactive",
    ):
        assert told in said
    assert not registry_listens(said)
    assert list(scratch.iterdir()) == []


def test_what_is_not_as_told_ends_with_1_and_its_evidence(capsys):
    def lie(world: World) -> None:
        with world.narrator.step("Ask who we are, and be wrong about it"):
            answer = world.leasehold("whoami", codes=(0, 1))
            expect(answer.code == 0, "nobody is somebody", answer.everything)

    assert perform(lie, Narrator(verbose=False)) == 1
    said = capsys.readouterr().out
    assert " 3  not as told: nobody is somebody\n      error: " in said
    assert not registry_listens(said)


def test_a_command_that_ends_otherwise_than_told_is_a_surprise(tmp_path):
    programs = Programs(os.environ, Narrator(verbose=False))
    with pytest.raises(Surprise, match="ended with 3") as surprise:
        programs.run(tmp_path, "sh", "-c", "echo said; exit 3")
    assert surprise.value.evidence == "said"
    with pytest.raises(Surprise, match="there is no `no-such-program` here"):
        programs.run(tmp_path, "no-such-program")


@pytest.mark.parametrize(("way", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_interrupted_it_takes_everything_down(scratch, way, code):
    with demo(scratch, "--verbose") as program:
        said = ""
        for line in program.stdout:
            said += line
            if "4. cdktf deploy" in line:
                break
        assert registry_listens(said), said
        time.sleep(0.5)  # into the deploy: whatever it started by then must go too
        program.send_signal(way)
        rest, _ = program.communicate(timeout=60)
    assert program.returncode == code, said + rest
    assert "everything that was started is gone" in rest
    assert not registry_listens(said)
    assert list(scratch.iterdir()) == []
