"""`leasehold drift` and `leasehold review`: reports of the registry on what Terraform declares."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from leasehold.cli.branches import Versions, read_base, read_versions
from leasehold.cli.exits import CLEAN, DRIFT, Failure
from leasehold.cli.markdown import drift_headline, drift_markdown
from leasehold.cli.publishing.delivery import Delivery
from leasehold.cli.publishing.surroundings import Forge
from leasehold.cli.reports import Json, open_findings
from leasehold.cli.review_evidence import moved
from leasehold.cli.review_markdown import headline, review_markdown
from leasehold.cli.reviewing import Kind, Question, Wishes, about, reported
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of
from leasehold.cli.sources import source
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
Comment = Annotated[
    Forge | None,
    typer.Option("--comment", help="In CI: keep one comment per stack in the pull request, and the job's summary."),
]
Issue = Annotated[
    Forge | None, typer.Option("--issue", help="In CI: open, update or close one issue per stack that drifts.")
]
Status = Annotated[bool, typer.Option("--status", help="With --comment: also a status at the commit.")]
Sarif = Annotated[str | None, typer.Option("--sarif", help="Write the findings as SARIF 2.1.0.", metavar="FILE")]
Quality = Annotated[
    str | None, typer.Option("--code-quality", help="Write the findings for GitLab's Code Quality.", metavar="FILE")
]
Base = Annotated[
    list[str] | None,
    typer.Option("--base", help="Compare with this, too: the base branch's cdktf.out, plan or state, as STACK=PATH."),
]
SaveBase = Annotated[
    Path | None, typer.Option("--save-base", help="Write what --base declares, for the provider's `base_file`.")
]
Head = Annotated[list[str] | None, typer.Option("--head", help="What is compared with --base.")]
PolicyRevisions = Annotated[
    list[str] | None,
    typer.Option("--policy", help="Compare revisions of a policy; NAME@3 with what lives.", metavar="NAME@3..5"),
]
Approved = Annotated[
    Path | None,
    typer.Option("--approved", help="The approved receipt that it is applied with [LEASEHOLD_RECEIPT_FILE]."),
]
_REVIEW = Kind(
    name="review",
    path="/v1/plan-reviews",
    markdown=review_markdown,
    headline=headline,
    table=print_review,
    found=moved,
    otherwise=CLEAN,
)
_COMPARISON = replace(_REVIEW, name="comparison", path="/v1/plan-comparisons", otherwise=DRIFT)
_DRIFT = Kind(
    name="drift",
    path="/v1/drift",
    markdown=drift_markdown,
    headline=drift_headline,
    table=print_drift,
    found=open_findings,
    otherwise=DRIFT,
)


def _base(given: Sequence[str], default: str | None, save_to: Path | None) -> list[Json]:
    stacks = read_base(given, default)
    if save_to is not None:
        try:
            save_to.write_text(json.dumps({"stacks": stacks}, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise Failure(f"cannot be written ({error.strerror})", where=visible(str(save_to))) from None
    return stacks


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
    comment: Comment = None,
    issue: Issue = None,
    status: Status = False,
    sarif: Sarif = None,
    code_quality: Quality = None,
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
    delivery = Delivery(comment=comment, issue=issue, status=status, sarif=sarif, code_quality=code_quality)
    wishes = Wishes(as_json=json_, as_markdown=markdown, fail_on=fail_on, strict=strict, delivery=delivery)
    raise typer.Exit(reported(session, _DRIFT, about(sources), wishes))


def review(  # noqa: PLR0913  each is an option
    context: typer.Context,
    plan: Annotated[
        list[str] | None, typer.Argument(help="`terraform show -json` of a plan file, or STACK=PATH.")
    ] = None,
    *,
    base: Base = None,
    head: Head = None,
    policy: PolicyRevisions = None,
    stack: Stack = None,
    json_: AsJson = False,
    markdown: AsMarkdown = False,
    fail_on: FailOn = None,
    strict: Strict = False,
    comment: Comment = None,
    status: Status = False,
    sarif: Sarif = None,
    code_quality: Quality = None,
    gate: Annotated[bool, typer.Option("--gate", help="Exit 4 if the plan needs approval, 5 if it is denied.")] = False,
    receipt: Annotated[Path | None, typer.Option("--receipt", help="Where to write its receipt.")] = None,
    approved: Approved = None,
    save_base: SaveBase = None,
) -> None:
    """Say what a plan changes in access: who can do what where, compared with what lives now, and with --base.

    Or, with --base and --head, what one version lets agents do that another does not: folders that cdktf synthesised,
    plans or states. With --policy, the same of two revisions of a policy.
    """
    session = session_of(context)
    default = stack or session.environment.stack
    compares = bool(head or policy or (base and not plan))
    if compares == bool(plan):
        raise Failure("what is reviewed?", next_step="give a plan, or --base and --head, or --policy")
    if compares and (receipt is not None or approved is not None):
        raise Failure("a comparison has no receipt: nothing is applied by it")
    sources = [source("plan", path, default) for path in plan or ()]
    shown = approved or (Path(brought) if (brought := session.environment.receipt_file) else None)
    if compares:
        versions = Versions(base=base or (), head=head or (), policies=policy or (), stack=default)
        question = Question(versions.stacks, partial(read_versions, versions))
    else:
        question = about(sources, shown, partial(_base, base, default, save_base) if base else None)
    kind = _COMPARISON if compares else _REVIEW
    delivery = Delivery(comment=comment, status=status, sarif=sarif, code_quality=code_quality)
    wishes = Wishes(
        as_json=json_,
        as_markdown=markdown,
        fail_on=fail_on,
        strict=strict,
        delivery=delivery,
        gate=gate,
        receipt=receipt,
    )
    asked = replace(kind, markdown=partial(review_markdown, receipt=receipt))
    raise typer.Exit(reported(session, asked, question, wishes))
