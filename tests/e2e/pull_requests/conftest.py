"""The command line against a forge that answers on a socket, and a registry that answers without one."""

from __future__ import annotations

import io
import json

import httpx
import pytest
from tests.fakes.forge import forge as running_forge
from tests.fakes.forge import github_environment, gitlab_environment
from tests.golden.pull_requests.samples import SAMPLES, Sample

from leasehold.cli.main import run
from leasehold.cli.session import Session

BY_NAME = {sample.name[3:]: sample for sample in SAMPLES} | {
    "clean-state": Sample("clean-state", command="drift"),
    "drift-unreachable": Sample("drift-unreachable", command="drift", reachable=False),
}


@pytest.fixture
def forge():
    with running_forge() as running:
        yield running


class Job:
    """A CI job. `slept` holds the pauses that it was told to make, and made in no time."""

    def __init__(self, folder, environment):
        self.folder, self.environment, self.slept = folder, environment, []

    def __call__(self, sample, *more, environ=None):
        """Run the sample's command; (exit code, stdout, stderr)."""
        one = BY_NAME[sample]
        path = self.folder / f"{sample}.json"
        path.write_text(json.dumps(one.document()))
        where = ["--state", f"prod={path}"] if one.command == "drift" else [f"prod={path}"]
        return self.run(one.answer(), one.command, *where, *more, environ=environ)

    def run(self, answer, *arguments, environ=None):
        out, err = io.StringIO(), io.StringIO()
        environment = {"LEASEHOLD_TOKEN": "t0ken-s3cret", **self.environment, **(environ or {})}
        session = Session(environment, out, err, httpx.MockTransport(answer), 100, self.slept.append)
        code = run([str(one) for one in arguments], session)
        for name in ("LEASEHOLD_TOKEN", "GITHUB_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN"):
            secret = environment.get(name)
            assert not secret or secret not in out.getvalue() + err.getvalue() + self.summary
        return code, out.getvalue(), err.getvalue()

    @property
    def summary(self):
        path = self.folder / "summary.md"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def github(forge, tmp_path):
    return Job(tmp_path, github_environment(forge, tmp_path))


@pytest.fixture
def gitlab(forge, tmp_path):
    return Job(tmp_path, gitlab_environment(forge, GITLAB_TOKEN="glpat-project"))


@pytest.fixture(params=["github", "gitlab"])
def job(request):
    """A job of either forge; `kind` says which."""
    found = request.getfixturevalue(request.param)
    found.kind = request.param
    return found


@pytest.fixture
def thread(request, forge):
    """The comments of the pull or merge request that the job belongs to."""
    return lambda job: forge.comments if job.kind == "github" else forge.notes
