"""The programs of the story, each in a session of its own so that none outlives it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from examples.demo.narrator import Narrator, Surprise

_PATIENCE = 300  # seconds; the slowest command is a first `cdktf deploy` on a busy machine
_FAREWELL = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        """What it printed, standard error last."""
        return f"{self.out}\n{self.err}".strip()


class Programs:
    """Runs commands in the toolchain's environment."""

    def __init__(self, environment: Mapping[str, str], narrator: Narrator) -> None:
        self.environment, self._narrator = dict(environment), narrator

    def run(
        self, folder: Path, *words: str, codes: Sequence[int] = (0,), variables: Mapping[str, str] | None = None
    ) -> Answer:
        """Run a command to its end.

        Raises:
            Surprise: it ended with none of `codes`, or not at all.
        """
        with self._started(folder, words, variables or {}, subprocess.DEVNULL) as program:
            try:
                out, err = program.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                raise Surprise(f"`{' '.join(words)}` did not end within {_PATIENCE} s") from None
        answer = Answer(program.returncode, out, err)
        self._narrator.command(words, answer.everything)
        if answer.code not in codes:
            raise Surprise(f"`{' '.join(words)}` ended with {answer.code}", answer.everything)
        return answer

    @contextmanager
    def running(self, folder: Path, *words: str, variables: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Keep a command running meanwhile, and its standard input open."""
        with self._started(folder, words, variables, subprocess.PIPE) as program:
            yield program

    @contextmanager
    def _started(
        self, folder: Path, words: Sequence[str], variables: Mapping[str, str], stdin: int
    ) -> Iterator[subprocess.Popen[str]]:
        found = shutil.which(words[0], path=self.environment["PATH"])
        if found is None:
            raise Surprise(f"there is no `{words[0]}` here")
        program = subprocess.Popen(  # noqa: S603  the story's own commands
            [found, *words[1:]],
            cwd=folder,
            env={**self.environment, **variables},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield program
        finally:
            _end(program)


def _end(program: subprocess.Popen[str]) -> None:
    """End a program and all that it started; what has ended already is left alone."""
    for farewell in (signal.SIGTERM, signal.SIGKILL):
        if program.poll() is not None:
            break
        os.killpg(program.pid, farewell)
        try:
            program.communicate(timeout=_FAREWELL)
        except subprocess.TimeoutExpired:
            continue
