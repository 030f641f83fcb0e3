"""`--help` of every command, to the letter. `LEASEHOLD_TEST_UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.cli.terraform import leasehold

HERE = Path(__file__).parent
COMMANDS = [
    "",
    "serve",
    "drift",
    "review",
    "approve",
    "revoke",
    "bootstrap",
    "whoami",
    "version",
    "object",
    "object get",
    "object list",
    "object put",
    "object delete",
    "token",
    "token exchange",
    "token identity",
    "token introspect",
    "token proof",
    "token simulate",
    "token revoke",
    "task",
    "task end",
    "credential",
    "credential aws",
    "credential get",
    "credential list",
    "connections",
    "connections list",
    "connections add",
    "connections promote",
    "connections demote",
    "connections remove",
    "connections rotate-keys",
    "provider",
    "provider install",
    "rules",
    "rules check",
    "tools",
    "tools import",
    "tools fetch",
    "tools diff",
    "tools approve",
    "explain",
    "who-can",
    "what-can",
    "replay",
    "policy",
    "policy test",
    "policy fmt",
    "audit",
    "audit query",
    "audit tail",
    "audit could",
    "audit export",
    "audit verify",
    "audit checkpoint",
    "audit exports",
    "audit replay",
    "audit test-event",
]

# nothing to give an example of
BARE = {"", "object", "token", "task", "credential", "provider", "provider install", "whoami", "version", "tools"}
BARE |= {"audit", "policy", "connections", "rules"}


def unreachable(_):
    raise AssertionError("help asks nobody")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", ["40", "250"])
def test_help_reads_as_it_always_did_on_any_terminal(capsys, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, _, err = leasehold(*command.split(), "--help", answer=unreachable)
    assert (code, err) == (0, "")
    shown = capsys.readouterr().out
    path = HERE / f"{command.replace(' ', '-') or 'leasehold'}.txt"
    if os.environ.get("LEASEHOLD_TEST_UPDATE_GOLDEN"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


def test_every_golden_help_belongs_to_a_command():
    assert {path.stem for path in HERE.glob("*.txt")} == {one.replace(" ", "-") or "leasehold" for one in COMMANDS}


@pytest.mark.parametrize("command", [one for one in COMMANDS if one not in BARE])
def test_help_of_every_command_that_takes_something_shows_an_example(command):
    text = (HERE / f"{command.replace(' ', '-')}.txt").read_text(encoding="utf-8")
    assert "Examples:" in text
    assert f"leasehold {command}" in text
