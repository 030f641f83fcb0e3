"""What a scan finds of the labelled set, what it finds in lines that hold nothing, and how long 10 KB take.

The other side of the speed is the standard library's `re` over the same formats, secrets alone.
"""

from __future__ import annotations

import json
import re
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from tests.fakes.scan_samples import Sample, hidden_samples, samples, vector

from benchmarks.figure import Figure
from leasehold.scan.findings import FindingKind, Response, ScanPolicy
from leasehold.scan.scanning import Scan, scan
from leasehold.scan.secret_rules import EXPRESSION
from leasehold.scan.windows import Form

KEY, POLICY = b"benchmarks of the scan", ScanPolicy()
SEED, EACH, ROUNDS, SIZE = 20261126, 20, 50, 10_240


def figures() -> Iterator[Figure]:
    """Recall where we claim it and where we do not, false alarms, speed."""
    every = list(samples(SEED, EACH))
    for name, chosen in (
        ("covered", [one for one in every if one.covered]),
        *((place, [one for one in every if one.place == place]) for place in dict.fromkeys(one.place for one in every)),
    ):
        yield Figure(f"scan_secret_recall_{name}", sum(map(found, chosen)) / len(chosen), f"of {len(chosen)}")
    yield from _hidden()
    yield from _alarms()
    yield _standard_library()
    yield from _advice()
    yield from _speed()


def found(sample: Sample) -> bool:
    """True iff the secret is gone from what the scan left: a finding beside it is not enough."""
    result = _scanned(sample.text, Form(sample.form))
    secrets = [one for one in result.findings if one.kind is FindingKind.SECRET]
    return bool(secrets) and not sample.survives(result.content)


def _hidden() -> Iterator[Figure]:
    every = list(hidden_samples())
    hits = [kind in {one.kind.value for one in _scanned(text.encode(), Form.TEXT).findings} for kind, text in every]
    yield Figure("scan_hidden_recall", sum(hits) / len(hits), f"of {len(hits)}")


def _alarms() -> Iterator[Figure]:
    lines = vector("benign")
    alarms = [bool(_scanned(line.encode(), Form.TEXT).findings) for line in lines]
    yield Figure("scan_false_alarms", sum(alarms), f"of {len(lines)} benign lines")


def _standard_library() -> Figure:
    """Findings in text that we did not choose: the sources of the Python that runs this. Each is taken for an alarm."""
    texts = [path.read_bytes() for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))]
    alarms = sum(len(found.findings) + found.omitted for found in map(_secrets_and_hidden, texts))
    size = sum(map(len, texts)) / 1_000_000
    return Figure("scan_alarms_per_mb_of_python", alarms / size, f"per MB, {alarms} in {size:.1f} MB")


def _secrets_and_hidden(text: bytes) -> Scan:
    return scan(text, ScanPolicy(responses={FindingKind.INSTRUCTION: Response.ALLOW}), KEY)


def _advice() -> Iterator[Figure]:
    every = vector("advice")
    told = {
        wanted: [_advised(one["text"]) for one in every if one["instruction"] is wanted] for wanted in (True, False)
    }
    yield Figure("scan_advice_recall", sum(told[True]) / len(told[True]), f"of {len(told[True])}")
    yield Figure("scan_advice_false_alarms", sum(told[False]), f"of {len(told[False])}")


def _advised(text: str) -> bool:
    return any(one.kind is FindingKind.INSTRUCTION for one in _scanned(text.encode(), Form.TEXT).findings)


def _speed() -> Iterator[Figure]:
    standard = re.compile(EXPRESSION.replace(r"\z", r"\Z").encode())
    for name, text, form in texts():
        ours = _milliseconds(lambda text=text, form=form: _scanned(text, form))
        theirs = _milliseconds(lambda text=text: list(standard.finditer(text)))
        yield Figure(name, ours, "ms", theirs, theirs / ours)


def texts() -> Iterator[tuple[str, bytes, Form]]:
    """Ten kilobytes of each sort: the answer of a tool as JSON, plain text, and the worst that we know."""
    body = 'The quick brown fox\njumps "over" the lazy dog. '
    listed = json.dumps([{"id": at, "title": f"issue {at}", "body": body * 2} for at in range(200)]).encode()
    yield "scan_10kb_ms", listed[:SIZE], Form.JSON
    yield "scan_10kb_text_ms", (b"The quick brown fox jumps, token count: 12, path=/a/b.py\n" * 400)[:SIZE], Form.TEXT
    yield "scan_10kb_polish_ms", ("Zażółć gęślą jaźń, мир. " * 600).encode()[:SIZE], Form.TEXT
    yield "scan_10kb_all_escapes_ms", (b"\\u0142" * 3_000)[: SIZE - SIZE % 6], Form.JSON
    yield "scan_10kb_all_hidden_ms", ("a\u200b".encode() * 2_560)[:SIZE], Form.TEXT
    yield "scan_10kb_all_findings_ms", (b"-----BEGIN PRIVATE KEY-----" * 600)[:SIZE], Form.TEXT


def _scanned(text: bytes, form: Form) -> Scan:
    return scan(text, POLICY, KEY, form)


def _milliseconds(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        before = time.perf_counter()
        run()
        taken.append(time.perf_counter() - before)
    return median(taken) * 1_000
