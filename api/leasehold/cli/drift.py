"""`leasehold drift` and `leasehold review`: reports of the registry on what Terraform declares."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from leasehold.cli.approvals import gate_exit, write_receipt
from leasehold.cli.exits import CLEAN, DRIFT, DRIFT_AT_LEVEL, INCOMPLETE, Failure
from leasehold.cli.markdown import drift_markdown, review_markdown
from leasehold.cli.reports import Json, is_partial, open_findings, rank
from leasehold.cli.session import Session, session_of
from leasehold.cli.sources import Declaration, read_source, source
from leasehold.cli.terminal import print_drift, print_review


class Level(StrEnum):
    """From which risk on to fail."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


States = Annotated[
    list[str] | None, typer.Option("--state", help="A state: terraform.tfstate, or `terraform show -json` of one.")
]
Plans = Annotated[list[str] | None, typer.Option("--plan", help="`terraform show -json` of a plan file.")]
Folders = Annotated[
    list[str] | None, typer.Option("--terraform-dir", help="A folder to run `terraform show -json` in.")
]
Stack = Annotated[str | None, typer.Option("--stack", help="The stack of paths given without one [LEASEHOLD_STACK].")]
AsJson = Annotated[bool, typer.Option("--json", help="The whole report as JSON on stdout.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="A comment for a pull request, at most 60 kB.")]
FailOn = Annotated[Level | None, typer.Option("--fail-on", help="Exit 3 if anything is at or above this risk.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 6 if anything could not be compared.")]


def drift(  # noqa: PLR0913  each is an option
    context: typer.Context,
    *,
    state: States = None,
    plan: Plans = None,
    terraform_dir: Folders = None,
    stack: Stack = None,
    json_: AsJson = False,
    markdown: AsMarkdown = False,
    fail_on: FailOn = None,
    strict: Strict = False,
) -> None:
    """Compare what stacks declare with what lives, in terms of access.

    Paths may be given several times and as STACK=PATH: stacks are compared together.
    """
    session = session_of(context)
    given = {"state": state, "plan": plan, "terraform-dir": terraform_dir}
    default = stack or session.environment.stack
    sources = [source(kind, path, default) for kind, paths in given.items() for path in paths or ()]
    if not sources:
        raise Failure("what is declared?", next_step="give --state, --plan or --terraform-dir")
    declared = [read_source(one) for one in sources]
    report, notes = _asked(session, "/v1/drift", declared)
    _shown(session, report, notes, _Form(json_, markdown, drift_markdown, print_drift))
    found = [one["risk"] for one in open_findings(report)]
    raise typer.Exit(_exit_code(found, fail_on, incomplete=strict and is_partial(report, notes), otherwise=DRIFT))


def review(  # noqa: PLR0913  each is an option
    context: typer.Context,
    plan: Annotated[list[str], typer.Argument(help="`terraform show -json` of a plan file, or STACK=PATH.")],
    *,
    stack: Stack = None,
    json_: AsJson = False,
    markdown: AsMarkdown = False,
    fail_on: FailOn = None,
    strict: Strict = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit 4 if the plan needs approval, 5 if it is denied.")] = False,
    receipt: Annotated[Path | None, typer.Option("--receipt", help="Where to write its receipt.")] = None,
) -> None:
    """Say what a plan changes in access: who can do what where, compared with what lives now."""
    session = session_of(context)
    default = stack or session.environment.stack
    declared = [read_source(source("plan", path, default)) for path in plan]
    report, notes = _asked(session, "/v1/plan-reviews", declared)
    _shown(session, report, notes, _Form(json_, markdown, review_markdown, print_review))
    if receipt is not None:
        write_receipt(receipt, report.get("receipt"))
    found = [one["risk"] for one in (*report["access"], *report["foundations"])]
    plain = _exit_code(found, fail_on, incomplete=strict and is_partial(report, notes), otherwise=CLEAN)
    raise typer.Exit(gate_exit(report, plain) if gate else plain)


class _Form:
    """How to show a report."""

    def __init__(
        self, as_json: bool, as_markdown: bool, markdown: Callable[..., str], table: Callable[..., None]
    ) -> None:
        if as_json and as_markdown:
            raise Failure("--json and --markdown exclude each other")
        self.as_json, self.as_markdown, self.markdown, self.table = as_json, as_markdown, markdown, table


def _asked(session: Session, path: str, declared: list[Declaration]) -> tuple[Json, tuple[str, ...]]:
    """The report, and why Terraform itself could not tell us everything."""
    stacks: dict[str, list[Json]] = {}
    for one in declared:
        stacks.setdefault(one.stack, []).extend(one.resources)
    notes = tuple(f"stack {one.stack} is incomplete: {one.incomplete}" for one in declared if one.incomplete)
    body = {"stacks": [{"stack": stack, "resources": resources} for stack, resources in stacks.items()]}
    with session.registry() as registry:
        return registry.call("POST", path, body=body).body, notes


def _shown(session: Session, report: Json, notes: tuple[str, ...], form: _Form) -> None:
    try:
        if form.as_json:
            session.emit(report)
        elif form.as_markdown:
            session.out.write(form.markdown(report, notes=notes))
        else:
            form.table(report, session.out, notes=notes, width=session.width)
    except (KeyError, TypeError, AttributeError):
        raise Failure("the registry's report is not understood", next_step="compare `leasehold version`s") from None
    if form.as_json:
        for note in notes:
            session.say(note)


def _exit_code(risks: list[str], fail_on: Level | None, *, incomplete: bool, otherwise: int) -> int:
    """The gravest that is true: at the level, then incomplete, then drift at all."""
    if fail_on is not None and any(rank(risk) >= rank(fail_on) for risk in risks):
        return DRIFT_AT_LEVEL
    if incomplete:
        return INCOMPLETE
    return otherwise if risks else CLEAN
