"""What a CI job says about itself: which forge, which pull request, which commit, and its token."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PULL = re.compile(r"refs/pull/(\d+)/(?:merge|head)")
Json = dict[str, Any]  # Any: the event as GitHub writes it


class Forge(StrEnum):
    """Where the code is reviewed."""

    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """One CI job. `change` is the number of its pull or merge request; `run` grows from run to run."""

    forge: Forge
    api: str
    project: str
    change: int | None
    commit: str
    run: tuple[int, int]
    run_url: str = ""
    from_fork: bool = False
    summary: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    advice: str = ""


def surroundings(forge: Forge, environ: Mapping[str, str]) -> Surroundings:
    """Read the job's own environment. Raises `Failure` outside of the forge's CI."""
    return _github(environ) if forge is Forge.GITHUB else _gitlab(environ)


def _github(environ: Mapping[str, str]) -> Surroundings:
    if environ.get("GITHUB_EVENT_NAME") == "pull_request_target":
        raise Failure(
            "`pull_request_target` runs a stranger's change with this repository's rights",
            next_step="run Leasehold in a `pull_request` workflow",
        )
    event = _event(environ.get("GITHUB_EVENT_PATH"))
    pull = event.get("pull_request")
    pull = pull if isinstance(pull, dict) else {}
    project = _project(environ, "GITHUB_REPOSITORY", _REPOSITORY)
    token = environ.get("GITHUB_TOKEN")
    accept = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    run = environ.get("GITHUB_RUN_ID", "")
    summary = environ.get("GITHUB_STEP_SUMMARY")
    return Surroundings(
        forge=Forge.GITHUB,
        api=_checked(environ.get("GITHUB_API_URL") or "https://api.github.com", "GITHUB_API_URL"),
        project=project,
        change=_number(pull.get("number")) or _number_in_ref(environ.get("GITHUB_REF", "")),
        commit=_commit(_at(pull, "head", "sha") or environ.get("GITHUB_SHA")),
        run=(_counted(run), _counted(environ.get("GITHUB_RUN_ATTEMPT", ""))),
        run_url=f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{project}/actions/runs/{_counted(run)}",
        from_fork=bool(pull) and _at(pull, "head", "repo", "full_name") != _at(pull, "base", "repo", "full_name"),
        summary=Path(summary) if summary else None,
        headers={**accept, **({"Authorization": f"Bearer {token}"} if token else {})},
        advice="give the step `GITHUB_TOKEN: ${{ github.token }}`, and the job `pull-requests: write`",
    )


def _gitlab(environ: Mapping[str, str]) -> Surroundings:
    # CI_JOB_TOKEN may read much and comment nowhere: a project access token is what GitLab has for that
    own, job = environ.get("GITLAB_TOKEN"), environ.get("CI_JOB_TOKEN")
    token = {"PRIVATE-TOKEN": own} if own else {"JOB-TOKEN": job} if job else {}
    source, target = environ.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID"), environ.get("CI_MERGE_REQUEST_PROJECT_ID")
    return Surroundings(
        forge=Forge.GITLAB,
        api=_checked(environ.get("CI_API_V4_URL") or "https://gitlab.com/api/v4", "CI_API_V4_URL"),
        project=_project(environ, "CI_PROJECT_ID", re.compile(r"\d+")),
        change=_number(environ.get("CI_MERGE_REQUEST_IID")),
        commit=_commit(environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environ.get("CI_COMMIT_SHA")),
        run=(_counted(environ.get("CI_PIPELINE_ID", "")), _counted(environ.get("CI_JOB_ID", ""))),
        run_url=environ.get("CI_JOB_URL", ""),
        from_fork=source is not None and source != target,
        headers=token,
        advice="GitLab lets no CI_JOB_TOKEN comment: set GITLAB_TOKEN to a project access token with scope `api`",
    )


def _event(path: str | None) -> Json:
    if not path:
        return {}
    try:
        parsed = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        raise Failure("the event of this job cannot be read", where=visible(path)) from None
    return parsed if isinstance(parsed, dict) else {}


def _project(environ: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    found = environ.get(name, "")
    if not form.fullmatch(found) or ".." in found:
        raise Failure(f"{name} names no project: is this a job of that forge's CI?")
    return found


def _checked(url: str, name: str) -> str:
    parts = urlsplit(url)
    loopback = parts.hostname in _LOOPBACK
    if (
        not parts.hostname
        or "@" in parts.netloc
        or not (parts.scheme == "https" or (parts.scheme == "http" and loopback))
    ):
        raise Failure(f"{name} must be an https URL without user", where=visible(url))
    return url.rstrip("/")


def _commit(found: object) -> str:
    return found if isinstance(found, str) and _COMMIT.fullmatch(found) else ""


def _at(document: Json, *path: str) -> object:
    found: object = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _number(found: object) -> int | None:
    text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    return int(text) if text.isdecimal() and text.isascii() and int(text) > 0 else None


def _number_in_ref(ref: str) -> int | None:
    found = _PULL.fullmatch(ref)
    return int(found[1]) if found else None


def _counted(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() else 0
