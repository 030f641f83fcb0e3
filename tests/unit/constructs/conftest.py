"""A stack to declare things in. jsii needs Node.js before the CDK is imported, so the toolchain's comes first."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import toolchain

_TOOLS = toolchain.environment()
os.environ.update({name: _TOOLS[name] for name in ("PATH", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION")})

import cdktf  # noqa: E402  Node.js is on PATH now

from leasehold_cdktf import LeaseholdProvider  # noqa: E402

ENDPOINT = "https://leasehold.example.com"


@pytest.fixture
def app() -> cdktf.App:
    return cdktf.Testing.app()


@pytest.fixture
def stack(app: cdktf.App) -> cdktf.TerraformStack:
    """A stack with a provider and nothing else."""
    made = cdktf.TerraformStack(app, "stack")
    LeaseholdProvider(made, "leasehold", endpoint=ENDPOINT, stack="triage")
    return made


@pytest.fixture
def synthesised() -> Callable[[cdktf.TerraformStack], dict[str, Any]]:
    """The stack as Terraform reads it."""
    return lambda stack: json.loads(cdktf.Testing.synth(stack))


@pytest.fixture
def resources(stack, synthesised) -> Callable[[], dict[str, Any]]:
    """The `resource` blocks of `stack`."""
    return lambda: synthesised(stack).get("resource", {})
