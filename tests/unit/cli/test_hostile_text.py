"""Attacks through live strings on whoever reads a report: in a terminal, in a pull request, in a shell."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.cli.folding import COMMENT_LIMIT as LIMIT
from leasehold.cli.markdown import drift_markdown
from leasehold.cli.review_markdown import review_markdown
from leasehold.cli.safe_text import code, fenced, prose, visible, words
from leasehold.cli.terminal import print_drift, print_review

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "a\u202egnp.exe",
    "zero\u200bwidth",
    "\u3164",
    "line\r\nbreak",
    "\U000e0041tag",
    "`code` **bold**",
    "``` fence",
    "<script>alert(1)</script>",
    "<!-- --> <img src=x onerror=y>",
    "[click](javascript:alert(1))",
    "![pixel](https://evil.example/x.png)",
    "@acme/security please approve",
    "https://evil.example/login",
    "cell | cell | cell",
    "| --- |",
    "# heading",
    "- [x] approved",
    "[red]rich markup[/red]",
    ":warning:",
    "</details>",
    "x" * 5_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_reaches_a_terminal_is_one_printable_line(text):
    assert visible(text).isprintable()


@given(st.text())
def test_nothing_unprintable_is_ever_visible(text):
    assert visible(text).isprintable()


@given(st.text())
def test_a_code_span_is_closed_by_its_own_fence_alone(text):
    shown = code(text)
    fence = re.match("`+", shown).group()
    inner = shown[len(fence) : -len(fence)]
    assert shown.endswith(fence)
    assert all(len(run) != len(fence) for run in re.findall("`+", inner))
    assert "\n" not in shown


@given(st.text())
def test_a_code_block_is_closed_by_its_own_fence_alone(text):
    first, *inner, last = fenced(text, "hcl").split("\n")
    assert last * 1 == first.removesuffix("hcl")
    assert not any(line.strip().startswith(last) for line in inner)


def outside_code(markdown):
    """What a renderer reads as Markdown: everything that is not in a code span or block."""
    without_blocks = re.sub(r"^( *)(`{3,})hcl\n.*?\n *\2$", "", markdown, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!\\)(`+)(?!`).+?(?<!`)\1(?!`)", "", without_blocks)


@pytest.mark.parametrize("render", [prose, words])
@pytest.mark.parametrize("text", HOSTILE)
def test_words_format_nothing_link_nowhere_and_mention_nobody(render, text):
    shown = outside_code(render(text))
    assert not set("*_[]|#~<>`") & set(re.sub(r"\\.", "", shown))
    assert "@" not in shown
    assert "://" not in shown
    assert "<" not in shown


def test_a_sentence_with_a_backtick_too_many_is_code_as_a_whole():
    assert prose("agent `a` can `@evil") == "``agent `a` can `@evil``"


def finding(text, **more):
    return {
        "class": "unmanaged",
        "risk": "high",
        "factors": [text],
        "sentence": f"agent `{text.replace('`', '')}` can now",
        "address": text,
        "stack": "prod",
        "name": text,
        "cause": {"actor": text, "at": "2026-11-21T22:14:03Z", "operation": "create"},
        "expires_at": None,
        "fix": {"revert": text, "adopt_hcl": f'x = "{text}"', "import": None},
        **more,
    }


def review(text):
    """A plan review with a hostile string wherever a stranger can write one."""
    gain = {"tool_server": text, "tool": text, "action": "delete", "resource": text}
    change = finding(text) | {"agent": text, "gains": [gain], "losses": []}
    call = {"agent": text, "user": text, "tool_server": text, "tool": text, "resource": text, "arguments": {text: text}}
    proof = {"side": "agent", "agent": text, "tool_server": text, "tool": text, "movement": "widens", "why": ""}
    unsure = {**proof, "agent": None, "movement": "unproven", "witness": None, "why": text}
    proofs = [{**proof, "witness": call}, {**proof, "agent": f"{text}2", "witness": call}, unsure]
    said = {"check": "conflict", "verdict": "deny", "agent": text, "address": text, "sentence": text}
    gate = {"verdict": "deny", "findings": [said], "delta": text, "rules": text}
    beside = {"foundations": [], "reversals": [finding(text)], "proofs": proofs, "gate": gate}
    return report() | {"access": [change], **beside}


FRAME = {"<details>", "<summary>", "</summary>", "</details>", "<sub>", "</sub>"}


def report(*findings):
    classes = ("missing", "unmanaged", "widened", "narrowed", "orphan", "overstay", "changed", "conflict")
    summary = dict.fromkeys(classes, 0) | {"equivalent": 3, "unproven": 0, "coverage_pct": 100.0}
    return {
        "stacks": ["prod"],
        "summary": summary,
        "snapshot": {"revision": 8, "at": "2026-11-22T06:00:00Z", "complete": True},
        "findings": list(findings),
        "unproven": [],
        "proofs": [],
        "gate": {"verdict": "needs_approval", "findings": [], "delta": "sha256:0", "rules": "sha256:1"},
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_string_in_every_place_of_a_comment_stays_text(text):
    shown = drift_markdown(report(finding(text)) | {"unproven": [{"address": text, "attributes": [text]}]})
    assert shown.startswith("<!-- leasehold:drift stack=prod -->\n")
    active = outside_code(shown.split("\n", 1)[1])
    assert set(re.findall(r"<[^>]*>", active)) <= FRAME
    assert active.count("<details>") == active.count("</details>") == 1
    assert "@" not in active
    assert "://" not in active
    assert "](" not in re.sub(r"\\.", "", active)
    assert all(line.isprintable() for line in shown.split("\n"))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_string_in_every_cell_of_a_table_moves_no_cursor(text):
    for show, told in (
        (print_drift, report(finding(text))),
        (print_review, review(text)),
    ):
        out = io.StringIO()
        show(told, out, width=100)
        assert all(line.isprintable() for line in out.getvalue().split("\n"))


@pytest.mark.parametrize("stack", ["--><script>", "a b", "-->", "PROD\n"])
def test_a_marker_holds_names_of_stacks_alone(stack):
    first = drift_markdown(report() | {"stacks": [stack, "prod"]}).split("\n")[0]
    assert first == "<!-- leasehold:drift stack=prod -->"


def test_a_comment_is_never_longer_than_a_comment_may_be_and_says_what_it_left_out():
    shown = drift_markdown(report(*(finding(f"{'ü' * 290}{at}") for at in range(500))))
    assert len(shown.encode()) <= LIMIT
    cut = re.search(r"\*\*(\d+) more findings are not shown here\*\* \((\d+) of 500", shown)
    assert int(cut[1]) + int(cut[2]) == 500
    assert shown.count("| 🟠&nbsp;**high** |") == int(cut[2])


def test_a_review_is_cut_as_honestly():
    gain = {"tool_server": "s", "tool": "t", "action": "read", "resource": "x" * 290}
    change = {"agent": "a", "risk": "low", "factors": ["read"], "sentence": "", "gains": [gain], "losses": []}
    shown = review_markdown(report() | {"access": [change] * 1_000, "foundations": [], "reversals": []})
    assert len(shown.encode()) <= LIMIT
    assert re.search(r"\*\*\d+ more changes are not shown here\*\*", shown)


def test_a_fix_that_is_too_long_for_a_comment_is_named_and_left_out():
    long = finding("x") | {"fix": {"revert": "terraform apply", "adopt_hcl": "x" * 5_000, "import": None}}
    shown = drift_markdown(report(long))
    assert "too long for here" in shown
    assert "x" * 1_000 not in shown
