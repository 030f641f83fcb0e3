"""`leasehold` in processes of its own that start in a moment: copies of one that has imported everything.

What such a process does is what `leasehold` does with the same arguments, environment and input. The demo, the script
for pipelines and the replicas that start show that the command starts from nothing too.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

from tests.fakes.serving import wait_until

_COPIES = multiprocessing.get_context("forkserver")
_COPIES.set_forkserver_preload(["leasehold.cli.main", "leasehold.cli.serve"])
_COMMAND_SECONDS = 60


class ServerProcess:
    """`leasehold serve`. Its standard output is in `output`, anew; its standard error at the end of `log`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], output: Path, log: Path) -> None:
        self._process = _started(_Start(("serve", *arguments), dict(environment), output, log))

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int | None:
        """The same, once it has ended or the time is up."""
        self._process.join(seconds)
        return self._process.exitcode

    def kill(self) -> None:
        """As a power cut would, but for what its processes have left to write when it is gone."""
        children = children_of(self.pid) if self.poll() is None else []
        self._process.kill()
        self._process.join()
        wait_until(lambda: not any(Path(f"/proc/{one}").exists() for one in children))


def children_of(process: int) -> list[int]:
    """The processes that it started and that still run."""
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def leasehold(
    *arguments: object, environment: Mapping[str, str], stdin: str = "", folder: Path | None = None
) -> CompletedProcess[str]:
    """Run a command to its end, with nothing but this environment, in this folder or where the tests are."""
    words = [str(argument) for argument in arguments]
    with TemporaryDirectory() as scratch:
        given, output, errors = (Path(scratch) / name for name in ("in", "out", "err"))
        given.write_text(stdin)
        process = _started(_Start(words, dict(environment), output, errors, given, folder))
        process.join(_COMMAND_SECONDS)
        process.kill()
        process.join()
        return CompletedProcess(words, process.exitcode or 0, output.read_text(), errors.read_text())


@dataclass(frozen=True, slots=True)
class _Start:
    arguments: Sequence[str]
    environment: Mapping[str, str]
    output: Path
    errors: Path
    given: Path = Path(os.devnull)
    folder: Path | None = None


def _started(start: _Start) -> multiprocessing.process.BaseProcess:
    process = _COPIES.Process(target=_run, args=(start,), daemon=True)
    process.start()
    return process


def _run(start: _Start) -> None:
    from leasehold.cli.main import main  # noqa: PLC0415  in the copy, where it is there already

    for descriptor, path, mode in ((0, start.given, "rb"), (1, start.output, "wb"), (2, start.errors, "ab")):
        with path.open(mode) as file:
            os.dup2(file.fileno(), descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  multiprocessing had put its own there
    os.environ.clear()
    os.environ.update(start.environment)
    if start.folder is not None:
        os.chdir(start.folder)
    sys.argv = ["leasehold", *start.arguments]
    main()
