"""A report brought to everybody who is to have it. What a token may not do is said, and done without."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from leasehold.cli.exits import Failure
from leasehold.cli.publishing.code_quality import code_quality
from leasehold.cli.publishing.courier import Courier, NotAllowed, Undelivered
from leasehold.cli.publishing.github import GitHubInbox, GitHubThread, github_status
from leasehold.cli.publishing.gitlab import GitLabInbox, GitLabThread, gitlab_status
from leasehold.cli.publishing.inbox import settled
from leasehold.cli.publishing.places import Places
from leasehold.cli.publishing.results import results
from leasehold.cli.publishing.sarif import sarif
from leasehold.cli.publishing.sticky import kept
from leasehold.cli.publishing.summary import append_summary
from leasehold.cli.publishing.surroundings import Forge, Surroundings, surroundings
from leasehold.cli.reports import Json
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where a report is to go."""

    comment: Forge | None = None
    issue: Forge | None = None
    status: bool = False
    sarif: str | None = None
    code_quality: str | None = None

    def __post_init__(self) -> None:
        if self.status and self.comment is None:
            raise Failure("a status at which forge?", next_step="give --comment github or --comment gitlab too")
        if self.comment is not None and self.issue not in {None, self.comment}:
            raise Failure("--comment and --issue name two forges")

    @property
    def forge(self) -> Forge | None:
        """The one forge that is spoken to, if any."""
        return self.comment or self.issue


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finished report. `report` is None if there is none: then `comment` says why."""

    kind: str
    stacks: tuple[str, ...]
    headline: str
    comment: str
    summary: str
    state: str
    is_drift: bool = False
    report: Json | None = None
    whole: bool = False
    agents: Mapping[str, str] = field(default_factory=dict)


class Post:
    """One delivery. Reads the job's surroundings at once: who cannot say where to report should not start."""

    def __init__(self, session: Session, delivery: Delivery) -> None:
        self._session, self._delivery = session, delivery
        self._job = surroundings(delivery.forge, session.environ) if delivery.forge is not None else None

    def deliver(self, told: Told) -> bool:
        """False if something did not arrive that should have."""
        self._write_files(told)
        if self._job is None:
            return True
        with Courier(self._job.api, self._job.headers, self._session.sleep) as courier:
            return self._send(courier, self._job, told)

    def _send(self, courier: Courier, job: Surroundings, told: Told) -> bool:
        missed: list[str] = []
        steps: list[tuple[str, Callable[[], None]]] = []
        if self._delivery.comment is not None:
            steps.append(("comment", lambda: self._comment(courier, job, told)))
        if self._delivery.status:
            steps.append(("status", lambda: _set_status(courier, job, told)))
        if self._delivery.issue is not None and told.report is not None:
            steps.append(("issue", lambda: self._settle(courier, job, told)))
        arrived = [self._tried(what, step, job, missed) for what, step in steps]
        if job.summary is not None:
            arrived.append(self._summarise(job.summary, told, missed))
        return all(arrived)

    def _tried(self, what: str, step: Callable[[], None], job: Surroundings, missed: list[str]) -> bool:
        try:
            step()
        except NotAllowed as refusal:
            fork = "this pull request comes from a fork, whose token may only read" if job.from_fork else job.advice
            missed.append(f"no {what} was written ({refusal}): {fork}")
            self._session.say(f"note: {missed[-1]}")
            return True
        except (Undelivered, KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, Undelivered) else "the forge's answer is not understood"
            missed.append(f"no {what} was written: {reason}")
            self._session.say(f"error: {missed[-1]}")
            return False
        return True

    def _comment(self, courier: Courier, job: Surroundings, told: Told) -> None:
        if job.change is None:
            self._session.say("note: this job belongs to no pull request, so there is nothing to comment on")
            return
        thread = GitHubThread(courier, job) if job.forge is Forge.GITHUB else GitLabThread(courier, job)
        outcome = kept(thread, told.comment, job.run)
        self._session.say(f"comment {outcome}")

    def _settle(self, courier: Courier, job: Surroundings, told: Told) -> None:
        inbox = GitHubInbox(courier, job) if job.forge is Forge.GITHUB else GitLabInbox(courier, job)
        title = f"Agents' access is not as declared: {', '.join(told.stacks)}"
        self._session.say(f"issue {settled(inbox, title, told.comment, is_drift=told.is_drift)}")

    def _summarise(self, path: Path, told: Told, missed: list[str]) -> bool:
        try:
            append_summary(path, told.summary, missed)
        except OSError as error:
            self._session.say(f"error: the job's summary cannot be written ({error.strerror})")
            return False
        return True

    def _write_files(self, told: Told) -> None:
        """Nothing is written where nothing is known: an empty file would close what scanners know already."""
        if told.report is None or (self._delivery.sarif is None and self._delivery.code_quality is None):
            return
        found, places = results(told.report, told.agents), Places(Path.cwd())
        category = f"{told.kind}-{','.join(told.stacks)}"
        if self._delivery.sarif is not None:
            _write(self._delivery.sarif, sarif(found, places, category=category, whole=told.whole))
        if self._delivery.code_quality is not None:
            _write(self._delivery.code_quality, code_quality(found, places))


def _set_status(courier: Courier, job: Surroundings, told: Told) -> None:
    if not job.commit:
        raise Undelivered("the job names no commit")
    context = f"leasehold/{told.kind}/{','.join(told.stacks) or 'unknown'}"
    put = github_status if job.forge is Forge.GITHUB else gitlab_status
    put(courier, job, context, told.state, told.headline)


def _write(path: str, document: object) -> None:
    try:
        Path(path).write_text(json.dumps(document, indent=2, ensure_ascii=True) + "\n", encoding="ascii")
    except OSError as error:
        raise Failure(f"cannot be written ({error.strerror})", where=visible(path)) from None
