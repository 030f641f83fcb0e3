"""From declarations to a report that everybody has: asked of the registry, shown, delivered, and ended by a code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from leasehold.cli.approvals import gate_exit, read_receipt, write_receipt
from leasehold.cli.exits import CLEAN, DRIFT_AT_LEVEL, ERROR, INCOMPLETE, NEEDS_APPROVAL, Failure
from leasehold.cli.failure_markdown import failure_markdown
from leasehold.cli.folding import SUMMARY_LIMIT
from leasehold.cli.publishing.delivery import Delivery, Post, Told
from leasehold.cli.reports import Json, is_partial, rank
from leasehold.cli.session import Session
from leasehold.cli.sources import Declaration, Source, read_source

_STATES = {CLEAN: "success", NEEDS_APPROVAL: "pending"}
_NOT_UNDERSTOOD = "the registry's report is not understood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is asked, and how its answer is told. `otherwise` is the exit code of findings below the level."""

    name: str
    path: str
    markdown: Callable[..., str]
    headline: Callable[..., str]
    table: Callable[..., None]
    found: Callable[[Json], list[Json]]
    otherwise: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How to show a report, where to bring it, and when to fail: with `gate`, by its verdict too.

    `receipt` is the file that a review's receipt goes into.
    """

    as_json: bool
    as_markdown: bool
    fail_on: str | None
    strict: bool
    delivery: Delivery
    gate: bool = False
    receipt: Path | None = None

    def __post_init__(self) -> None:
        if self.as_json and self.as_markdown:
            raise Failure("--json and --markdown exclude each other")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about. `read` gives the body and what is declared, raising `Failure`; `stacks` are known before."""

    stacks: tuple[str, ...]
    read: Callable[[], tuple[Json, list[Declaration]]]


def about(sources: list[Source], shown: Path | None = None, base: Callable[[], list[Json]] | None = None) -> Question:
    """The question of a drift report or a plan review.

    `shown` is the file of a receipt that plans are applied with; `base` reads what the base branch declares.
    """

    def read() -> tuple[Json, list[Declaration]]:
        declared = [read_source(one) for one in sources]
        body: Json = {"stacks": [_stack(name, declared) for name in dict.fromkeys(one.stack for one in declared)]}
        if base is not None:
            body["base"] = base()
        if shown is not None:
            receipt = read_receipt(shown)
            body["receipt"] = {"token": receipt["token"], "objects": receipt["objects"]}
        return body, declared

    return Question(tuple(dict.fromkeys(one.stack for one in sources)), read)


def _stack(name: str, declared: list[Declaration]) -> Json:
    """All parts of one stack together. What plans take away is said if each part is a plan."""
    parts = [one for one in declared if one.stack == name]
    rows = {"stack": name, "resources": [row for one in parts for row in one.resources]}
    if any(one.removes is None for one in parts):
        return rows
    return {**rows, "removes": [row for one in parts for row in one.removes or ()]}


def reported(session: Session, kind: Kind, question: Question, wishes: Wishes) -> int:
    """The whole way; the exit code. What cannot be told is told too, before the failure goes on."""
    post = Post(session, wishes.delivery)
    try:
        body, declared = question.read()
        report, notes = _asked(session, kind.path, body, declared)
        if wishes.receipt is not None:
            write_receipt(wishes.receipt, report.get("receipt"))
        told, code = _told(kind, report, notes, wishes, declared)
        _show(session, kind, report, notes, wishes)
    except Failure as failure:
        told = _failure(kind, question.stacks, failure)
        if wishes.as_markdown:
            session.out.write(told.comment)
        post.deliver(told)
        raise
    arrived = post.deliver(told)
    return code if code != CLEAN or arrived else ERROR


def _asked(session: Session, path: str, body: Json, declared: list[Declaration]) -> tuple[Json, tuple[str, ...]]:
    """The report, and why Terraform itself could not tell us everything."""
    notes = tuple(f"stack {one.stack} is incomplete: {one.incomplete}" for one in declared if one.incomplete)
    with session.registry() as registry:
        return registry.call("POST", path, body=body).body, notes


def _told(
    kind: Kind, report: Json, notes: tuple[str, ...], wishes: Wishes, declared: list[Declaration]
) -> tuple[Told, int]:
    try:
        risks = [one["risk"] for one in kind.found(report)]
        partial = is_partial(report, notes)
        code = _exit_code(risks, wishes.fail_on, incomplete=wishes.strict and partial, otherwise=kind.otherwise)
        code = gate_exit(report, code) if wishes.gate else code
        told = Told(
            kind=kind.name,
            stacks=tuple(dict.fromkeys(one.stack for one in declared)),
            headline=kind.headline(report, notes),
            comment=kind.markdown(report, notes=notes),
            summary=kind.markdown(report, notes=notes, limit=SUMMARY_LIMIT),
            state=_STATES.get(code, "failure"),
            is_drift=bool(risks),
            report=report,
            whole=not partial,
            agents=_addresses_of_agents(declared),
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Failure(_NOT_UNDERSTOOD, next_step="compare `leasehold version`s") from None
    return told, code


def _show(session: Session, kind: Kind, report: Json, notes: tuple[str, ...], wishes: Wishes) -> None:
    if wishes.as_json:
        session.emit(report)
        for note in notes:
            session.say(note)
    elif wishes.as_markdown:
        session.out.write(kind.markdown(report, notes=notes))
    else:
        _tabulate(kind, report, notes, session.out, session.width)


def _tabulate(kind: Kind, report: Json, notes: tuple[str, ...], out: TextIO, width: int | None) -> None:
    try:
        kind.table(report, out, notes=notes, width=width)
    except (KeyError, TypeError, AttributeError):
        raise Failure(_NOT_UNDERSTOOD, next_step="compare `leasehold version`s") from None


def _failure(kind: Kind, stacks: tuple[str, ...], failure: Failure) -> Told:
    said = failure_markdown(kind.name, stacks, failure)
    return Told(
        kind=kind.name,
        stacks=stacks,
        headline="not known: the comparison did not take place",
        comment=said,
        summary=said,
        state="error",
    )


def _addresses_of_agents(declared: list[Declaration]) -> Mapping[str, str]:
    """Where each agent's grants are claimed, or else where it is declared itself."""
    found: dict[str, str] = {}
    for type_name, attribute in (("leasehold_agent", "name"), ("leasehold_agent_grants_exclusive", "agent")):
        for one in (row for part in declared for row in part.resources if row["type"] == type_name):
            if isinstance(name := one["values"].get(attribute), str):
                found[name] = one["address"]
    return found


def _exit_code(risks: list[str], fail_on: str | None, *, incomplete: bool, otherwise: int) -> int:
    """The gravest that is true: at the level, then incomplete, then drift at all."""
    if fail_on is not None and any(rank(risk) >= rank(fail_on) for risk in risks):
        return DRIFT_AT_LEVEL
    if incomplete:
        return INCOMPLETE
    return otherwise if risks else CLEAN
