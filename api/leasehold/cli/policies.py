"""`leasehold policy`: decision tables, and Cedar's own layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leasehold.cli.connection import Json
from leasehold.cli.examples import EXAMPLES
from leasehold.cli.exits import CLEAN, DRIFT, Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of
from leasehold.cli.tables import read_table

app = typer.Typer(no_args_is_help=True, help="Try policies on tables of cases; lay them out.")


@app.command("test", epilog=EXAMPLES["policy test"])
def try_tables(
    context: typer.Context,
    tables: Annotated[list[Path], typer.Argument(help="YAML files: `cases`, and `policies` to try them on.")],
    *,
    json_: Annotated[bool, typer.Option("--json", help="The reports as JSON on stdout.")] = False,
) -> int:
    """Decide each case of a table on the live registry, without a trace, and compare with what is expected."""
    session = session_of(context)
    reports: dict[str, Json] = {}
    with session.registry() as registry:
        for table in tables:
            reports[str(table)] = registry.call("POST", "/v1/policies:test", body=read_table(table)).body
    if json_:
        session.emit({"tables": reports})
    for table_name, report in reports.items():
        for case in report["cases"] if not json_ else ():
            said = "" if case["passed"] else f": {case['complaint']}"
            session.out.write(visible(f"{'ok    ' if case['passed'] else 'FAILED'}  {case['name']}{said}") + "\n")
            if case["would_pass"]:
                session.out.write(visible(f"        would pass with {case['would_pass']}") + "\n")
        session.say(f"{table_name}: {report['passed']} passed, {report['failed']} failed")
    return DRIFT if any(report["failed"] for report in reports.values()) else CLEAN


@app.command("fmt", epilog=EXAMPLES["policy fmt"])
def fmt(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Cedar documents.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 2 if a file would change.")] = False,
) -> int:
    """Lay Cedar documents out as Cedar's own formatter does, in place."""
    session = session_of(context)
    changed = 0
    with session.registry() as registry:
        for file in files:
            before = _read(file)
            after = registry.call("POST", "/v1/policies:format", body={"document": before}).body["document"]
            if after != before:
                changed += 1
                session.out.write(visible(str(file)) + "\n")
                if not check:
                    file.write_text(after, encoding="utf-8")
    return DRIFT if check and changed else CLEAN


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot be read ({type(error).__name__})", where=visible(str(file))) from None
