"""`leasehold provider install`: puts the Terraform provider where `terraform init` finds it.

The provider is a package of its own that this one does not import: it builds and installs itself in its own process,
and its exit code is ours.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The Terraform provider.", no_args_is_help=True)

_INSTALL = (sys.executable, "-m", "leasehold_provider.packaging.install")


@app.callback()
def provider() -> None:
    """Give the commands a common name: Typer would make a single command the whole app."""


@app.command()
def install(
    *,
    plugins: Annotated[
        Path | None,
        typer.Option(help="Root of a filesystem mirror [~/.terraform.d/plugins, which needs no configuration]."),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Host in the provider's source address; repeatable [Terraform's, OpenTofu's]."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Install the Terraform provider for `terraform init`; the same version is the same file everywhere."""
    options = [f"--plugins={plugins}"] if plugins is not None else []
    options += [f"--host={one}" for one in host or ()]
    done = subprocess.run([*_INSTALL, *options, *(["--json"] if json else [])], check=False)  # noqa: S603  our own
    if done.returncode != 0:
        raise typer.Exit(1)
