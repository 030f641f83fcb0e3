"""What the audience sees: one line per step, with its time, and the reports that a step is about."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

_INDENT = 6
_EVIDENCE_LINES = 40


class Surprise(Exception):
    """Something did not happen as told. `evidence` is what the last command printed."""

    def __init__(self, what: str, evidence: str = "") -> None:
        super().__init__(what)
        self.evidence = evidence


def expect(truth: object, otherwise: str, evidence: str = "") -> None:
    """Raise `Surprise` unless `truth` holds."""
    if not truth:
        raise Surprise(otherwise, evidence)


class Step:
    """One step under way: `outcome` is what its line will say."""

    def __init__(self) -> None:
        self.outcome = ""
        self.reports: list[str] = []

    def show(self, report: str) -> None:
        """Print a report below the step's line."""
        self.reports.append(report)


class Narrator:
    """Writes the story to standard output."""

    def __init__(self, *, verbose: bool) -> None:
        self.verbose = verbose
        self._console = Console(highlight=False, soft_wrap=True)
        self._number = 0
        self._began = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Tell one step: its title while it runs, then its outcome and how long it took."""
        self._number += 1
        step, began = Step(), time.monotonic()
        if self.verbose:
            self._console.rule(f"{self._number}. {title}", align="left")
            yield step
        else:
            with self._console.status(title):
                yield step
        number, taken = f"{self._number:>2}  ", f"  {time.monotonic() - began:.1f} s"
        self._console.print(Text.assemble((number, "bold green"), (title, "bold"), (taken, "dim")))
        self._indented(step.outcome)
        for report in step.reports:
            self._indented(report)

    def command(self, words: Sequence[str], printed: str) -> None:
        """Show a command and its output, if asked to."""
        if self.verbose:
            self._console.print(Text(f"$ {' '.join(words)}", "cyan"))
            self._console.print(Text.from_ansi(printed.rstrip()), style="dim")

    def say(self, line: str) -> None:
        """Say one line beside the steps."""
        self._console.print(Text(line))

    def close(self) -> None:
        """Sum up."""
        self.say(f"\nAll {self._number} steps went as told, in {time.monotonic() - self._began:.0f} s.")

    def fail(self, surprise: Surprise) -> None:
        """Say which step did not go as told."""
        self._console.print(Text(f"{self._number:>2}  not as told: {surprise}", "bold red"))
        self._indented("\n".join(surprise.evidence.splitlines()[-_EVIDENCE_LINES:]))

    def _indented(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            self._console.print(Text.assemble(" " * _INDENT, Text.from_ansi(line)))
