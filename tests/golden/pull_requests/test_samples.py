"""The comments of typical changes, to the letter. `LEASEHOLD_TEST_UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.golden.pull_requests.samples import SAMPLES
from tests.unit.cli.terraform import leasehold

HERE = Path(__file__).parent
ENDS = {"08-grant-made-by-hand": 2, "12-registry-unreachable": 1}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_typical_change_reads_as_it_always_did(sample, tmp_path):
    path = tmp_path / "terraform.json"
    path.write_text(json.dumps(sample.document()))
    receipt = ["--receipt", tmp_path / "receipt.json"]
    where = ["--state", f"prod={path}"] if sample.command == "drift" else [f"prod={path}", *receipt]
    code, out, _ = leasehold(sample.command, *where, "--markdown", answer=sample.answer())
    assert code == ENDS.get(sample.name, 0)
    golden = HERE / f"{sample.name}.md"
    if os.environ.get("LEASEHOLD_TEST_UPDATE_GOLDEN"):
        golden.write_text(out, encoding="utf-8")
    assert out == golden.read_text(encoding="utf-8")


def test_every_golden_comment_belongs_to_a_sample():
    assert {path.stem for path in HERE.glob("*.md")} == {sample.name for sample in SAMPLES}
