"""Comments as a reader sees them: rendered by GitHub's own renderer, whatever strangers wrote into the objects."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path, PurePath

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.golden.pull_requests.samples import SAMPLES
from tests.unit.cli.test_hostile_text import HOSTILE, finding, report

from leasehold.cli.exits import Failure
from leasehold.cli.failure_markdown import failure_markdown
from leasehold.cli.folding import SUMMARY_LIMIT
from leasehold.cli.markdown import drift_markdown
from leasehold.cli.review_markdown import review_markdown

SAMPLES_FOLDER = Path(__file__).parents[2] / "golden" / "pull_requests"
STRANGE = "zqzq"  # in every hostile string: a reader may see it within code, and nowhere else
OURS = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "br", "code", "pre", "ul", "li"} | {
    "details",
    "summary",
    "sub",
    "blockquote",
}
PIECES = [
    "`", "``", "|", "\\", "\\|", "*", "_", "<b>", "</td>", "</code>", "<!--", "-->", "<details>", "</details>",
    "[x](http://e.example)", "![x](http://e.example/p.png)", "@team/all", "@user", "#1", "GH-1", "!1", "~bug", "&1",
    "a@b.example", "www.e.example", "https://e.example", "\n", "\r", "\t", "\u202e", "\u200b", "\x1b[2J", "\0",
    "&lt;", "&#x40;", "$`x`$", "- ", "# ", "> ", "1. ", "/approve", ":tada:", "\U0001f600", "~~~", "---", " ",
]  # fmt: skip
hostile = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map(
    lambda pieces: f"{STRANGE}{''.join(pieces)}{STRANGE}"
)


class Page(HTMLParser):
    """What the reader sees: elements, and text with the elements around it."""

    def __init__(self, markdown):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.plain, self.rows, self._open = [], [], [], [], []
        html = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append(0)
        if tag in {"td", "th"}:
            self.rows[-1] += 1
        if tag != "br":
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, "an element is closed that was not opened here"

    def handle_data(self, data):
        if not {"code", "pre"} & set(self._open):
            self.plain.append(data)

    def handle_comment(self, data):
        assert re.fullmatch(r" leasehold:(review|drift) stack=[a-z0-9_,-]* ", data)


def check(markdown, columns=4):
    """Nothing but our own elements, and no strange letter outside of code."""
    page = Page(markdown)
    assert set(page.tags) <= OURS
    assert not page._open
    assert set(page.attributes) <= {("lang", "hcl"), ("lang", "python"), ("align", "left")}
    text = "".join(page.plain)
    assert STRANGE not in text
    assert "@" not in text
    assert not re.search(r"#\d|GH-\d|![0-9]|://", text)
    assert set(page.rows) <= {columns}
    assert not any(line.lstrip().startswith("/") for line in markdown.split("\n")), "GitLab would read a command"
    return page


def review_of(text, **more):
    gain = {"tool_server": text, "tool": text, "action": "delete", "resource": text, "constraints": {}}
    limited = {**gain, "constraints": {text: {"any_of": [{"exact": text}, {"one_of": [text, 1, True]}]}}}
    access = {
        "agent": text,
        "risk": "high",
        "factors": ["write"],
        "sentence": text,
        "gains": [gain, {**gain, "tool": "*"}, limited],
        "losses": [{**limited, "resource": "r"}],
        "had": [{**gain, "resource": "r"}],
        "keeps": [],
    }
    foundation = {
        "kind": "ceilings",
        "name": text,
        "risk": "low",
        "factors": ["ceiling lowered"],
        "sentence": f"ceiling `{text.replace('`', '')}` is removed",
        "address": text,
    }
    call = {"agent": text, "user": text, "tool_server": text, "tool": text, "resource": text}
    call |= {"arguments": {text: [text]}, "context": {text: text}, "at": text}
    moved = {"side": "agent", "agent": text, "tool_server": text, "tool": text, "why": ""}
    proofs = [
        {**moved, "movement": "widens", "witness": {**call, "supposed": []}},
        {
            **moved,
            "tool": f"{text}2",
            "movement": "widens",
            "witness": {**call, "supposed": [f"`{text.replace('`', '')}`", "a grant"]},
        },
        {**moved, "movement": "unproven", "witness": None, "why": text},
        {**moved, "agent": None, "movement": "both", "witness": {**call, "agent": None, "supposed": []}},
        {**moved, "agent": None, "movement": "unproven", "witness": None, "why": text},
        {**moved, "agent": f"{text}3", "movement": "widens", "witness": {**call, "supposed": []}},
    ]
    findings = [
        {
            "check": check,
            "verdict": verdict,
            "agent": agent,
            "address": address,
            "sentence": f"agent `{text.replace('`', '')}`",
        }
        for check, verdict, agent, address in (
            ("new_access", "deny", text, None),
            ("separation_of_duty", "deny", text, text),
            ("unproven", "needs_approval", None, text),
        )
    ]
    gate = {"verdict": "needs_approval", "findings": findings, "delta": text, "rules": text}
    ends = "2026-11-23T06:00:00Z"
    receipt = {"id": text, "expires_at": ends, "required": True, "granted": False, "token": f"{STRANGE}-token"}
    return report() | {
        "proofs": proofs,
        "gate": gate,
        "receipt": receipt,
        "stacks": [text, "prod"],
        "access": [access],
        "foundations": [foundation],
        "reversals": [{"name": text, "cause": {"actor": text, "at": "2026-11-21T22:14:03Z", "operation": "create"}}],
        "unproven": [{"address": text, "attributes": [text]}],
        **more,
    }


@settings(max_examples=300, deadline=None)
@given(hostile)
def test_no_string_breaks_out_of_a_review(text):
    page = check(review_markdown(review_of(text), receipt=PurePath(text)))
    assert len(page.rows) == 4
    assert page.tags.count("details") == 2


@settings(max_examples=60, deadline=None)
@given(hostile)
def test_no_string_breaks_out_of_an_approved_or_denied_review(text):
    sentence = f"`{text.replace('`', '')}` is not changed as it was reviewed"
    told = review_of(text, receipt_refused=sentence)
    approved = {**told, "receipt": {**told["receipt"], "granted": True, "approved_by": text}}
    finding = {"check": "unproven", "verdict": "deny", "agent": None, "address": text, "sentence": sentence}
    denied = {**told, "gate": {**told["gate"], "verdict": "deny", "findings": [finding]}}
    for one in (approved, denied):
        assert len(check(review_markdown(one)).rows) == 4


@settings(max_examples=300, deadline=None)
@given(hostile)
def test_no_string_breaks_out_of_a_drift_report(text):
    told = report(finding(text, factors=["write"])) | {"stacks": [text]}
    page = check(drift_markdown(told | {"unproven": [{"address": text, "attributes": [text]}]}))
    assert len(page.rows) == 2
    assert page.tags.count("details") == 1


@settings(max_examples=200, deadline=None)
@given(hostile)
def test_no_string_breaks_out_of_what_a_finding_may_tell_beside(text):
    until = {"until": "2026-12-01T00:00:00Z", "by": text, "exception": text, "reason": text}
    cause = {"actor": text, "at": "2026-11-21T22:14:03Z", "operation": "create", "approved_by": text}
    cause |= dict.fromkeys(("via", "stack", "binding", "run", "lease", "event"), text)
    fix = {"revert": text, "adopt_hcl": text, "import": text, "adopt_cdktf": text, "exception": text}
    blast = {"agents": 1, "resources": 2, "live_leases": 0, "used": 3, "used_days": 30}
    told = finding(
        text,
        factors=["write"],
        states=["unmanaged", "widened"],
        score={"value": 86},
        blast=blast | {"last_used": "2026-11-21T22:14:03Z"},
        cause=cause,
        lapsed=until,
        fix=fix | {"except_days_max": 30},
    )
    gap = {"count": 1, "what": "policies", "why": "what they decide is not replayed here"}
    page = check(
        drift_markdown(
            report(told, told | {"accepted": until})
            | {"coverage": {"gaps": [gap], "out_of_sight": [gap]}}
            | {"unproven": [{"address": text, "attributes": [], "reason": f"`{text.replace('`', '')}` is not known"}]}
        )
    )
    assert len(page.rows) == 3
    assert page.tags.count("details") == 2


@settings(max_examples=200, deadline=None)
@given(hostile)
def test_no_string_breaks_out_of_a_failure(text):
    failure = Failure(f"`{text.replace('`', '')}` is no stack", where=text, next_step=f"look at `{text}`")
    markdown = failure_markdown("review", (text,), failure)
    check(markdown)


@pytest.mark.parametrize("text", HOSTILE)
def test_the_known_attacks_stay_text(text):
    check(review_markdown(review_of(text)))
    check(drift_markdown(report(finding(text, factors=["write"]))))


@pytest.mark.parametrize("path", [sample.name for sample in SAMPLES])
def test_the_samples_render_as_they_are_meant(path):
    check((SAMPLES_FOLDER / f"{path}.md").read_text(encoding="utf-8"))


def test_ten_thousand_changes_fit_worst_first_and_the_rest_is_counted():
    one = review_of("x")["access"][0]
    changes = [{**one, "agent": f"agent-{at}", "risk": "low"} for at in range(9_999)] + [{**one, "risk": "critical"}]
    told = review_of("x", access=changes, foundations=[], proofs=[])
    for limit in (60_000, SUMMARY_LIMIT):
        shown = review_markdown(told, limit=limit)
        assert len(shown.encode()) <= limit
        check(shown)
        (missing, there, total) = map(
            int, re.search(r"\*\*(\d+) more changes are not shown here\*\* \((\d+) of (\d+)", shown).groups()
        )
        assert missing + there == total == 10_000
        assert shown.count("**can no longer**") == there
        assert shown.index("🔴&nbsp;**critical**") < shown.index("⚪&nbsp;**low**")
