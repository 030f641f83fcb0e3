"""A real terraform applied a stack to a real registry; the command line is a process of its own."""

from __future__ import annotations

import os

import pytest
from tests.e2e.provider.stack import Stack
from tests.fakes.leasehold_process import leasehold as leasehold_command
from tests.fakes.registry_http import live_registry


class CommandLine:
    """`leasehold`, run as CI would: with nothing but the environment it is given."""

    def __init__(self, registry, token_file):
        self.environment = {
            "PATH": os.environ["PATH"],
            "LEASEHOLD_ENDPOINT": registry.url,
            "LEASEHOLD_OIDC_TOKEN_FILE": str(token_file),
            "COLUMNS": "160",
        }

    def __call__(self, *arguments, stdin="", **environment):
        done = leasehold_command(*arguments, environment={**self.environment, **environment}, stdin=stdin)
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with live_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(tmp_path_factory, registry, provider_artefact):
    return Stack(tmp_path_factory.mktemp("stack"), provider_artefact.read_bytes(), registry, "prod", "ci-prod")


@pytest.fixture
def leasehold(tmp_path, registry):
    """The command line as the security admin."""
    path = tmp_path / "admin.jwt"
    path.write_text(registry.oidc_token("admin"))
    return CommandLine(registry, path)
