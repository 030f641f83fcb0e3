"""The pictures in the docs show what the samples say: whoever changes a sample draws its pictures anew."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCREENSHOTS = runpy.run_path(str(ROOT / "docs" / "screenshots.py"))
SHOWN, IMAGES, digest = SCREENSHOTS["SHOWN"], SCREENSHOTS["IMAGES"], SCREENSHOTS["digest"]
DIGESTS = json.loads(SCREENSHOTS["DIGESTS"].read_text(encoding="utf-8"))
PICTURE = re.compile(r"images/([0-9a-z-]+)-(light|dark)\.png")


@pytest.mark.parametrize("name", SHOWN)
def test_a_picture_is_of_the_sample_as_it_is(name):
    assert DIGESTS[name] == digest(name), f"{name} has changed since its picture was taken: run `make screenshots`"


def test_every_picture_is_drawn_by_the_script_and_shown_in_the_docs():
    drawn = {(name, theme) for name in SHOWN for theme in ("light", "dark")}
    there = {PICTURE.fullmatch(f"images/{one.name}").groups() for one in IMAGES.glob("*.png")}
    pages = "".join(one.read_text(encoding="utf-8") for one in [*ROOT.glob("docs/*.md"), ROOT / "README.md"])
    assert (there, set(DIGESTS)) == (drawn, set(SHOWN))
    assert set(PICTURE.findall(pages)) == drawn


def test_what_is_folded_away_is_not_in_the_picture_and_every_other_word_is(tmp_path):
    sample = "# <b>A</b>\n\n<details><summary>How</summary>\n\n- {folded}\n\n</details>\n\n{seen}\n"
    here = SCREENSHOTS["digest"].__globals__

    def of(**words):
        (tmp_path / "one.md").write_text(sample.format(**words), encoding="utf-8")
        return digest("one")

    samples, here["SAMPLES"] = here["SAMPLES"], tmp_path
    try:
        assert of(folded="a", seen="b") == of(folded="c", seen="b") != of(folded="a", seen="c")
    finally:
        here["SAMPLES"] = samples
