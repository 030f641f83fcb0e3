"""`leasehold approve`, and what `leasehold review` makes of a verdict: exit codes, and the receipt as a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from leasehold.cli.exits import CLEAN, DENIED, DRIFT_AT_LEVEL, NEEDS_APPROVAL, Failure
from leasehold.cli.gate_words import APPROVED, AUTO, DENY, verdict_of
from leasehold.cli.gate_words import NEEDS_APPROVAL as UNAPPROVED
from leasehold.cli.safe_text import visible
from leasehold.cli.session import session_of

Json = dict[str, Any]  # Any: documents of the registry
_ID = re.compile(r"r_[0-9a-f]{32}")
_VERDICTS = {AUTO: CLEAN, APPROVED: CLEAN, UNAPPROVED: NEEDS_APPROVAL, DENY: DENIED}


def approve(
    context: typer.Context,
    review: Annotated[Path, typer.Argument(help="The receipt of a review, or its whole report as JSON.")],
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; else to stdout.")] = None,
) -> None:
    """Approve exactly the change that was reviewed. Not for whoever asked for the review, and not for pipelines."""
    session = session_of(context)
    receipt = read_receipt(review)
    with session.registry() as registry:
        path = f"/v1/plan-reviews/{receipt['id']}:approve"
        approved = registry.call("POST", path, body={"receipt": receipt["token"]}).body
    whole = {**approved, "objects": receipt["objects"]}
    if out is None:
        session.emit(whole)
    else:
        write_receipt(out, whole)
        session.out.write(f"{visible(str(whole['id']))} is approved by {visible(str(whole['approved_by']))}\n")


def write_receipt(path: Path, receipt: object) -> None:
    """The receipt as a file, for the provider's `receipt_file`."""
    if not isinstance(receipt, dict):
        raise Failure("the registry gave no receipt", next_step="is it older than this command?")
    try:
        path.write_text(json.dumps(receipt, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot be written ({error.strerror})", where=visible(path)) from None


def gate_exit(report: Json, otherwise: int) -> int:
    """5 for a denied plan, whatever else is true; 4 for one that nobody approved, unless a risk was to fail the run."""
    try:
        verdict = _VERDICTS[verdict_of(report)]
    except (KeyError, TypeError):
        raise Failure("the registry gave no verdict", next_step="compare `leasehold version`s") from None
    if verdict == DENIED or otherwise != DRIFT_AT_LEVEL:
        return verdict or otherwise
    return otherwise


def read_receipt(path: Path) -> Json:
    """A receipt out of a file: itself, or the report of its review. Raises `Failure`."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise Failure(f"cannot be read ({error.strerror})", where=visible(path)) from None
    except (ValueError, RecursionError):
        raise Failure("is not JSON", where=visible(path)) from None
    receipt = found.get("receipt", found) if isinstance(found, dict) else None
    if not isinstance(receipt, dict) or not isinstance(receipt.get("objects"), dict):
        raise Failure("holds no receipt", where=visible(path), next_step="leasehold review --receipt FILE")
    if not isinstance(receipt.get("token"), str) or not _ID.fullmatch(str(receipt.get("id"))):
        raise Failure("holds no receipt", where=visible(path), next_step="leasehold review --receipt FILE")
    return receipt
