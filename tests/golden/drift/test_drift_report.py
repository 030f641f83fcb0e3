"""Both reports in their three forms, to the letter. `LEASEHOLD_TEST_UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.cli.terraform import Backend, leasehold, shown_plan, state_file
from tests.unit.review.test_review_doors import Store
from tests.unit.review.worlds import ALICE, BORN, CI, DELETE, NOW, READ, TOUCHED, Registry, declare, organisation

from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.credentials import AwsSession, CredentialProfile, GitHubAccess, GitHubInstallation
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.exceptions import DriftException
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.outside import Baseline, Culprit, Look, Trace, target_digest
from leasehold.model.people import OwnerState
from leasehold.model.records import AuditRecord
from leasehold.model.trust import KubernetesSubject
from leasehold.review.reviews import Reviews

HERE = Path(__file__).parent
WIDTH = 100


@pytest.fixture
def drifted():
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.delete(Kind.GRANTS, READ.id)
    loose = KubernetesSubject(namespace="payments", service_account="triage", any_uid=True)
    registry.change(Kind.WORKLOAD_BINDINGS, "triage-k8s", kubernetes=loose)
    registry.change(Kind.SCOPES, "issues", description="<b>@security</b> [ok](https://evil.example)")
    return Backend(Store(registry))


def write(tmp_path, document):
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document))
    return f"prod={path}"


def check(name, found):
    """Compare with the golden file; the first difference fails the test."""
    path = HERE / name
    if os.environ.get("LEASEHOLD_TEST_UPDATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("form", "name"), [("--json", "drift.json"), ("--markdown", "drift.md"), (None, "drift.txt")])
def test_a_drift_report_reads_as_it_always_did(drifted, tmp_path, form, name):
    arguments = ["drift", "--state", write(tmp_path, state_file()), *([form] if form else [])]
    code, out, err = leasehold(*arguments, answer=drifted, width=WIDTH)
    assert (code, err) == (2, "")
    check(name, out)


@pytest.mark.parametrize(("form", "name"), [("--markdown", "clean.md"), (None, "clean.txt")])
def test_a_clean_report_reads_as_it_always_did(tmp_path, form, name):
    arguments = ["drift", "--state", write(tmp_path, state_file()), *([form] if form else [])]
    code, out, _ = leasehold(*arguments, answer=Backend(Store(Registry())), width=WIDTH)
    assert code == 0
    check(name, out)


def test_two_reports_of_one_state_are_the_same_to_the_letter(drifted, tmp_path):
    arguments = ["drift", "--state", write(tmp_path, state_file()), "--json"]
    assert leasehold(*arguments, answer=drifted) == leasehold(*arguments, answer=drifted)


def test_the_order_of_a_state_changes_nothing(drifted, tmp_path):
    forwards, backwards = state_file(), state_file()
    backwards["resources"].reverse()
    first = leasehold("drift", "--state", write(tmp_path, forwards), "--json", answer=drifted)
    assert first == leasehold("drift", "--state", write(tmp_path, backwards), "--json", answer=drifted)


@pytest.mark.parametrize(
    ("form", "name"), [("--json", "review.json"), ("--markdown", "review.md"), (None, "review.txt")]
)
def test_a_plan_review_reads_as_it_always_did(drifted, tmp_path, form, name):
    objects = organisation()
    objects[Kind.OWNERS, "alice"] = replace(objects[Kind.OWNERS, "alice"], state=OwnerState.ACTIVE, team="platform")
    plan = shown_plan(objects)
    address = plan["planned_values"]["root_module"]["resources"][0]["address"]
    plan["resource_changes"] = [{"address": address, "change": {"after_unknown": {"revision": True}}}]
    arguments = ["review", write(tmp_path, plan), *([form] if form else [])]
    code, out, err = leasehold(*arguments, answer=drifted, width=WIDTH)
    assert (code, err) == (0, "")
    check(f"../review/{name}", out)


class Observed:
    """The role has changed; GitHub does not answer."""

    def look(self, profiles, now):  # noqa: ARG002  the port's signature
        facts = {"trust_policy": {"Statement": []}, "max_session_duration": 43_200, "inline_policies.<b>": {}}
        seen = {"deploy": Look(facts=facts), "code": Look(problem="GitHub did not show the installation: status 500")}
        return {name: seen[name] for name in profiles}

    def trace(self, profiles):
        found = Culprit(
            actor="arn:aws:sts::123456789012:assumed-role/Admin/<b>@alice",
            at=NOW - timedelta(hours=2),
            operation="UpdateAssumeRolePolicy",
            via="aws-cli/2.17.0 | from 203.0.113.7",
            record="CloudTrail 4f2a",
        )
        return {name: Trace(found) for name in profiles}


def beyond():
    """A registry with a finding of every later sort: accepted, lapsed, external, unseen, delisted, used."""
    registry = Registry()
    role = AwsSession(role_arn="arn:aws:iam::123456789012:role/deploy", region="eu-central-1")
    app = GitHubInstallation(
        app_id="1",
        installation_id="2",
        private_key="app",
        repositories=frozenset({"web"}),
        permissions={"contents": GitHubAccess.READ},
    )
    profiles = {
        (Kind.CREDENTIAL_PROFILES, "deploy"): CredentialProfile(agents=frozenset({"triage"}), aws=role),
        (Kind.CREDENTIAL_PROFILES, "code"): CredentialProfile(agents=frozenset({"triage"}), github_app=app),
    }
    facts = {"trust_policy": {"Statement": [{}]}, "max_session_duration": 3_600, "inline_policies.gone": {}}
    for (kind, name), spec in profiles.items():
        registry.write(kind, name, spec, by=CI, at=BORN, stack="prod")
        registry.baselines[name] = Baseline(
            profile=name, target=target_digest(spec), facts=facts, problem="", at=BORN, by=CI
        )
    registry.write(Kind.GRANTS, DELETE.id, replace(DELETE, expires_at=NOW + timedelta(days=2)))
    registry.change(Kind.TRUST_ISSUERS, "k8s-prod", single_use=False)
    deletes = {"audience": "https://mcp.example.com/github", "scopes": frozenset({"mcp:tool:delete_branch:delete"})}
    registry.taken_leases = [LeaseUse(agent="triage", count=41, last_at=TOUCHED, **deletes)]
    registry.live_leases = [LeaseUse(agent="triage", count=2, last_at=TOUCHED, **deletes)]
    issue = AuditEvent(
        at=TOUCHED,
        principal=ALICE,
        action="exchange",
        kind="leases",
        name=f"lease-of-{ALICE}",
        outcome=Outcome.OK,
        detail={"binding": "people", "run": "acme/web run 7"},
    )
    registry.events["leases", issue.name] = [AuditRecord(99, issue)]
    objects = organisation() | profiles
    found = {one.name: one.fingerprint for one in Reviews(Store(registry)).drift(declare(objects), NOW).findings}
    hostile = "@security ![x](https://evil.example) <b>"
    for name, until in ((DELETE.id, NOW + timedelta(days=5)), ("k8s-prod", NOW - timedelta(hours=1))):
        spec = DriftException(fingerprint=found[name], reason=hostile, expires_at=until)
        registry.write(Kind.DRIFT_EXCEPTIONS, f"for-{name[:6].replace('/', '-')}", spec, by=CI, stack="other")
    return registry, objects


@pytest.mark.parametrize(
    ("form", "name"), [("--json", "beyond.json"), ("--markdown", "beyond.md"), (None, "beyond.txt")]
)
def test_what_lies_beyond_and_what_is_accepted_reads_as_it_always_did(tmp_path, form, name):
    registry, objects = beyond()
    backend = Backend(Store(registry))
    backend.reviews = Reviews(Store(registry), Observed())
    arguments = ["drift", "--strict", "--state", write(tmp_path, state_file(objects)), *([form] if form else [])]
    code, out, err = leasehold(*arguments, answer=backend, width=WIDTH)
    assert (code, err) == (6, "")
    check(name, out)


@pytest.mark.parametrize(
    ("form", "name"), [("--json", "limits.json"), ("--markdown", "limits.md"), (None, "limits.txt")]
)
def test_limits_on_arguments_read_as_they_always_did(tmp_path, form, name):
    registry = Registry()
    hostile = "`*x*` <b>@ops</b> [ok](https://evil.example) |"
    limits = {"amount": ArgumentConstraint(max=50), hostile: ArgumentConstraint(one_of=frozenset({hostile, "EUR"}))}
    live = replace(DELETE, constraints=limits)
    registry.write(Kind.GRANTS, live.id, live)
    registry.change(Kind.SCOPES, "issues", constraints={"title": ArgumentConstraint(prefixes=frozenset({"[bot] "}))})
    arguments = ["drift", "--state", write(tmp_path, state_file()), *([form] if form else [])]
    code, out, err = leasehold(*arguments, answer=Backend(Store(registry)), width=WIDTH)
    assert (code, err) == (2, "")
    check(name, out)
