"""`leasehold rules`: the gate's rules as a file, checked before a server has to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of

app = typer.Typer(help="The rules of the gate.", no_args_is_help=True)


@app.callback()
def rules() -> None:
    """Give the commands a common name: Typer would make a single command the whole app."""


@app.command(epilog=EXAMPLES["rules check"])
def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Rules as YAML or JSON.")],
    *,
    json_: Annotated[bool, typer.Option("--json", help="All rules, the usual ones too, as JSON.")] = False,
) -> None:
    """Say whether a file of rules is understood, and what it makes other than usual. Asks no registry."""
    from leasehold.rule_files import RulesRefused, effective, read_rules, unlike_usual  # noqa: PLC0415  as `serve` does

    session = session_of(context)
    try:
        found = read_rules(file)
    except RulesRefused as refused:
        raise Failure(str(refused), where=visible(str(file))) from None
    if json_:
        session.emit(effective(found))
        return
    session.out.write(f"understood, {found.digest}\n")
    for line in unlike_usual(found):
        session.out.write(f"  {visible(line, 2_000)}\n")
