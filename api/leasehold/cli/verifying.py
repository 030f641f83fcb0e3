"""`leasehold audit verify`: offline, with an export and the public key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from leasehold.cli.exits import CLEAN, DRIFT, Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session
from leasehold.verify.trail import Problem, TrailKeyring, UnbelievableNote, Verdict, verify_trail

_NOTE_END = "\n\n"


def verify_files(session: Session, files: Sequence[Path], key: str, known: Sequence[Path], *, as_json: bool) -> int:
    """Verify exports against the key and known checkpoints; the exit code. Raises `Failure` for what cannot be read."""
    try:
        keyring = TrailKeyring(_key(key))
        verdict = verify_trail((_lines(file) for file in files), keyring, _notes(known))
    except UnbelievableNote as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"cannot be read ({error.strerror})", where=visible(error.filename)) from None
    if as_json:
        session.emit(_document(verdict))
    else:
        session.out.write(_told(verdict))
    return CLEAN if verdict.whole else DRIFT


def _key(key: str) -> str:
    return key if "+" in key and not Path(key).exists() else Path(key).read_text(encoding="ascii", errors="replace")


def _notes(paths: Sequence[Path]) -> list[str]:
    """The notes of files that hold one or many, as anchors write them."""
    found: list[str] = []
    for path in paths:
        parts = path.read_text(encoding="utf-8", errors="replace").split(_NOTE_END)
        for text, rest in zip(parts[::2], parts[1::2], strict=False):
            found.append(f"{text}{_NOTE_END}{rest.rstrip(chr(10))}\n")
    if paths and not found:
        raise Failure("holds no checkpoint", where=visible(paths[0]))
    return found


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _told(verdict: Verdict) -> str:
    if verdict.whole:
        pruned = f", {verdict.pruned} of them pruned" if verdict.pruned else ""
        rotated = f", {verdict.rotations} changes of the key" if verdict.rotations else ""
        count = verdict.end - verdict.start
        said = f"whole: {count} events from {verdict.start} on{pruned}, {verdict.checkpoints} checkpoints{rotated}"
        return f"{said}. It is tamper-evident up to event {verdict.end - 1}.\n" if count else f"{said}.\n"
    return "".join(f"not whole: {visible(_problem(one))}\n" for one in verdict.problems)


def _problem(problem: Problem) -> str:
    if problem.position is None:
        return f"{problem.what} (line {problem.line})"
    until = f" to {problem.last}" if problem.last is not None and problem.last > problem.position else ""
    return f"event {problem.position}{until}: {problem.what} (line {problem.line})"


def _document(verdict: Verdict) -> dict[str, object]:
    return {
        "whole": verdict.whole,
        "start": verdict.start,
        "end": verdict.end,
        "checkpoints": verdict.checkpoints,
        "pruned": verdict.pruned,
        "rotations": verdict.rotations,
        "first_bad": verdict.first_bad,
        "problems": [
            {"what": one.what, "position": one.position, "last": one.last, "line": one.line} for one in verdict.problems
        ],
    }
