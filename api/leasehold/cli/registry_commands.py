"""The commands that are one request each: bootstrap, revoke, whoami, version."""

from __future__ import annotations

import json
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from leasehold.cli.connection import read_secret
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of

AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")]


def bootstrap(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Option("--file", help='{"trust_issuer": {...}, "workload_bindings": [{...}]}')],
    token_file: Annotated[str, typer.Option("--token-file", help="File with the one-time token; `-` for stdin.")],
    json_: AsJson = False,
) -> None:
    """Introduce the first trust issuer and role bindings to a new registry, with its one-time token."""
    session = session_of(context)
    try:
        body = json.loads(file.read_bytes())
    except OSError as error:
        raise Failure(f"cannot be read ({error.strerror})", where=visible(file)) from None
    except ValueError:
        raise Failure("is not JSON", where=visible(file)) from None
    with session.registry() as registry:
        answer = registry.call_as(read_secret(token_file), "POST", "/v1/bootstrap", body=body).body
    if json_:
        session.emit(answer)
    else:
        session.out.write("the registry trusts its first issuer; the bootstrap token is spent\n")


def revoke(
    context: typer.Context,
    node: Annotated[str, typer.Argument(help="registry, owner:NAME, agent:NAME, deployment:NAME, lease:ID, ...")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it goes to the audit log.")],
    json_: AsJson = False,
) -> None:
    """Kill every token under a node, now."""
    session = session_of(context)
    with session.registry() as registry:
        answer = registry.call("POST", "/v1/revocations", body={"node": node, "reason": reason}).body
    if json_:
        session.emit(answer)
    elif answer["generation"] == 0:  # to whoever mistyped an id, "revoked" would be a lie
        session.out.write(f"no {visible(answer['node'])} is known here: nothing was ended\n")
    else:
        session.out.write(f"{visible(answer['node'])} is revoked since {visible(answer['at'])}\n")


def whoami(context: typer.Context, *, json_: AsJson = False) -> None:
    """Show who the registry takes us for, and in which role."""
    session = session_of(context)
    with session.registry() as registry:
        answer = registry.call("GET", "/v1/whoami").body
    if json_:
        session.emit(answer)
    else:
        for key, value in answer.items():
            session.out.write(f"{visible(key)}  {visible(value)}\n")


def version(context: typer.Context, *, json_: AsJson = False) -> None:
    """Show the version of this installation."""
    session = session_of(context)
    if json_:
        session.emit({"version": installed_version("leasehold")})
    else:
        session.out.write(f"leasehold {installed_version('leasehold')}\n")
