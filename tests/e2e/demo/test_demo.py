"""`make demo`, as a newcomer runs it: it goes as told, and leaves nothing behind, however it ends."""

import os
import signal
import time

import pytest
from examples.demo.__main__ import perform
from examples.demo.narrator import Narrator, Surprise, expect
from examples.demo.programs import Programs
from examples.demo.world import World
from tests.e2e.demo.conftest import demo, registry_listens, run_to_its_end

pytestmark = [pytest.mark.cdktf, pytest.mark.terraform]

STEPS = 14


def test_it_goes_as_told_and_leaves_nothing_behind(scratch):
    said = run_to_its_end(scratch, STEPS)
    for told in (
        # the pull request's access diff
        "new agent `triage` can now `create_comment`, `list_pull_requests`, `read_file` on `repo:acme/payments`",
        "above ceiling `payments`",
        "unmanaged",  # the drift report
        "introspection: inactive",
    ):
        assert told in said


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
