"""Claude Code's command for a terminal, as it is: `make test-claude-code`. It asks no model, and needs no account."""

import os
import pty
import subprocess
from contextlib import contextmanager, suppress
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import toolchain
from tests.fakes.oidc_provider import walked
from tests.fakes.opened_urls import said_url
from tests.fakes.serving import PATIENCE
from toolchain import interop


class Terminal:
    """Runs its commands in a folder that is its home."""

    def __init__(self, command, environment, folder):
        self.command, self.environment, self.folder = command, environment, folder

    def __call__(self, *words):
        """What a command says."""
        done = subprocess.run(
            [*self.command, *words], env=self.environment, cwd=self.folder, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def typing(self, *words):
        """A command that believes that somebody sits at a terminal, and the file of what it shows them."""
        shown = self.folder / "shown"
        shown.touch()
        ours, its = pty.openpty()
        process = subprocess.Popen(
            [*self.command, *words], env=self.environment, cwd=self.folder, stdin=its, stdout=its, stderr=its
        )
        os.close(its)
        Thread(target=copied, args=(ours, shown), daemon=True).start()
        try:
            yield process, shown
        finally:
            process.kill()
            process.wait()


def copied(terminal, file):
    with file.open("ab", buffering=0) as written, suppress(OSError):
        while some := os.read(terminal, 65536):
            written.write(some)


@pytest.fixture
def claude(tool_environment, tmp_path):
    places = toolchain.repository()
    with places.locked():
        package = interop.CLAUDE_CODE.ensure(places).path / "@anthropic-ai" / "claude-code"
    quiet = dict.fromkeys(("DISABLE_TELEMETRY", "DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"), "1")
    home = {"HOME": str(tmp_path), "BROWSER": "true", "TERM": "xterm"}
    command = [str(places.bin / "node"), str(package / "cli-wrapper.cjs"), "mcp"]
    return Terminal(command, tool_environment | quiet | home, tmp_path)


def test_it_connects_with_a_token_that_somebody_brings(open_gateway, claude):
    address, token = open_gateway.audience("github"), open_gateway.token("assistant", "github")
    claude("add", "--transport", "http", "github", address, "--header", f"Authorization: Bearer {token}")
    claude("add", "--transport", "http", "nobody", address)
    said = claude("list")
    assert f"github: {address} (HTTP) - \N{HEAVY CHECK MARK} Connected" in said
    assert f"nobody: {address} (HTTP) - ! Needs authentication" in said


def test_it_logs_a_person_in(open_gateway, claude):
    """From an address: 401, both metadata documents, registration, login, consent, code, token, and refreshing it."""
    claude("add", "--transport", "http", "github", open_gateway.audience("github"))
    with claude.typing("login", "github") as (process, shown):
        url = said_url(shown, lambda: process.poll() is None)
        back = parse_qs(urlsplit(url).query)["redirect_uri"][0]
        callback, page = walked(url, "ana", back)
        assert "Claude Code" in page
        assert httpx.get(callback).status_code == 200
        assert process.wait(PATIENCE) == 0, shown.read_text()
    for _ in range(2):
        assert "Connected" in claude("list")
