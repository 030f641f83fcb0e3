"""Pictures of the sample comments, light and dark: `python docs/screenshots.py CSS_FOLDER` writes docs/images/.

Beside them it writes what each shows, as a digest (`shown.json`): a test fails when a sample has changed since.

Needs a Chromium (Debian: chromium, fonts-noto-color-emoji) and a folder with the stylesheets of the npm package
`github-markdown-css`; `make screenshots` brings the latter. The comments are rendered by GitHub's own renderer.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "tests" / "golden" / "pull_requests"
SHOWN = (
    "03-wider-by-resource",
    "04-wider-by-argument",
    "05-delete-tool-in-production",
    "07-no-access-change",
    "08-grant-made-by-hand",
    "09-ceiling-lowered",
    "11-unknown-at-plan",
    "12-registry-unreachable",
    "14-policy-gone",
    "16-approved",
)
IMAGES = ROOT / "docs" / "images"
DIGESTS = IMAGES / "shown.json"
UNFOLDED = frozenset({"08-grant-made-by-hand"})
WIDTH = 880
COLOURS = {"light": ("#ffffff", "#f6f8fa", "#d1d9e0", "#1f2328"), "dark": ("#0d1117", "#151b23", "#3d444d", "#f0f6fc")}
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1.5",
)
PAGE = """<!doctype html><meta charset="utf-8"><style>{css}
body {{ margin: 0; padding: 16px; background: {back}; font-family: "Noto Sans", "Liberation Sans", sans-serif; }}
.box {{ border: 1px solid {line}; border-radius: 6px; }}
.head {{ background: {bar}; color: {ink}; border-bottom: 1px solid {line}; border-radius: 6px 6px 0 0;
  padding: 8px 16px; font-size: 14px; }}
.markdown-body {{ padding: 16px; border-radius: 6px; }}
.markdown-body sub {{ bottom: 0; line-height: 1.4; vertical-align: baseline; }}
</style><div class="box"><div class="head"><b>github-actions</b> commented</div>
<article class="markdown-body">{body}</article></div>
<script>document.documentElement.dataset.height = document.documentElement.scrollHeight</script>"""


def main(styles: Path) -> None:
    """Write a picture of each comment in each theme."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name in SHOWN:
            for theme in COLOURS:
                _draw(_page(name, theme, styles), IMAGES / f"{name}-{theme}.png", Path(scratch))
    DIGESTS.write_text(json.dumps({name: digest(name) for name in SHOWN}, indent=2) + "\n", encoding="utf-8")


def digest(name: str) -> str:
    """What a picture of a sample shows: its HTML without what is folded away."""
    seen = re.sub(r"(<details>\s*<summary>.*?</summary>).*?(</details>)", r"\1\2", _body(name), flags=re.DOTALL)
    return f"sha256:{hashlib.sha256(seen.encode()).hexdigest()}"


def _body(name: str) -> str:
    markdown = (SAMPLES / f"{name}.md").read_text(encoding="utf-8")
    body: str = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
    return body.replace("<details>", "<details open>") if name in UNFOLDED else body


def _page(name: str, theme: str, styles: Path) -> str:
    body = _body(name)
    css = (styles / f"github-markdown-{theme}.css").read_text(encoding="utf-8")
    back, bar, line, ink = COLOURS[theme]
    return PAGE.format(css=css, back=back, bar=bar, line=line, ink=ink, body=body)


def _draw(page: str, picture: Path, scratch: Path) -> None:
    path = scratch / "page.html"
    path.write_text(page, encoding="utf-8")
    dom = _chromium(scratch, f"--window-size={WIDTH},100", "--dump-dom", path.as_uri())
    height = re.search(r'data-height="(\d+)"', dom)
    if height is None:
        raise SystemExit("chromium tells no height")
    _chromium(scratch, f"--window-size={WIDTH},{height[1]}", f"--screenshot={picture}", path.as_uri())


def _chromium(scratch: Path, *arguments: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("no chromium is installed")
    with tempfile.TemporaryDirectory(dir=scratch) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
