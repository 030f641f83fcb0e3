"""`leasehold task`: end what leases were taken for."""

from __future__ import annotations

from typing import Annotated

import typer

from leasehold.cli.connection import read_secret, segment
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import Failure
from leasehold.cli.possession import HeldKey, held_key
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of

app = typer.Typer(no_args_is_help=True, help="Tasks that agents take leases for.")


@app.callback()
def tasks() -> None:
    """Tasks that agents take leases for."""


@app.command("end", epilog=EXAMPLES["task end"])
def end(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help="The task, as the leases named it.")],
    *,
    token_file: Annotated[
        str | None,
        typer.Option("--token-file", help="A file with an access token of the agent whose task it is; `-` for stdin."),
    ] = None,
    dpop_key: HeldKey = None,
    json_: Annotated[bool, typer.Option("--json", help="The answer as JSON on stdout.")] = False,
) -> None:
    """End a task, and with it every lease that was taken for it, sub-agents' included."""
    session = session_of(context)
    path = f"/v1/tasks/{segment(task)}:end"
    if dpop_key is not None and token_file is None:
        raise Failure("a key proves a token", next_step="give the --token-file that is bound to --dpop-key")
    with session.registry() as registry:
        if token_file is None:
            answer = registry.call("POST", path).body
        elif dpop_key is None:
            answer = registry.call_as(read_secret(token_file), "POST", path).body
        else:
            answer = registry.call_holding(held_key(dpop_key), read_secret(token_file), "POST", path).body
    if json_:
        session.emit(answer)
    else:
        session.out.write(f"task {visible(answer['task'])} is over since {visible(answer['ended_at'])}\n")
