"""Who changed what a credential profile points to: CloudTrail and GitHub are asked, and whoever cannot tell says why.

IAM is moto over HTTP; CloudTrail, which moto does not answer for, and GitHub are servers of their documented shapes.
"""

from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from tests.e2e.credentials.test_external_drift import (  # noqa: F401  fixtures
    FOREIGN,
    KEYS,
    TRUST,
    World,
    _spec,
    github,
    iam,
    moto,
    policy,
)
from tests.fakes.cloudtrail_api import SESSION, cloudtrail_api

from leasehold.external.cloudtrail import CloudTrail
from leasehold.external.github_audit import GitHubAudit
from leasehold.external.observing import Observer
from leasehold.external.secrets import Secrets
from leasehold.keys.app_assertions import app_assertion
from leasehold.model.credentials import AwsSession, GitHubInstallation
from leasehold.model.outside import CannotLook, Culprit, Footprint, Moved
from leasehold.review.reviews import Reviews
from leasehold.store.sql_store import open_store
from leasehold.web.control_plane import control_plane

ROLE = {"roleName": "deploy"}


@pytest.fixture
def trail():
    with cloudtrail_api() as api:
        yield api


class ElsewhereInOneAccount:
    """CloudTrail at another address than IAM, as in AWS; the profile names one."""

    def __init__(self, url):
        self.url, self.trail = url, CloudTrail(boto3.Session(**KEYS))

    def trace(self, profile, footprint):
        return self.trail.trace(replace(profile, aws=replace(profile.aws, endpoint_url=self.url)), footprint)


@pytest.fixture
def world(sqlite_registry_url, moto, iam, github, trail):  # noqa: F811
    store = open_store(sqlite_registry_url)
    made = World(store, moto, github)
    tracers = {
        AwsSession: ElsewhereInOneAccount(trail.url).trace,
        GitHubInstallation: GitHubAudit(Secrets({"APP": github.pem}).find, app_assertion).trace,
    }
    made.observer = Observer(made.observer.lookers, tracers=tracers)
    doors = replace(made.doors, observer=made.observer, reviews=Reviews(store, made.observer))
    made.app = control_plane(doors)
    yield made
    store.close()


def later(world, minutes=5):
    """GitHub checks when an app's assertion was made: there, the clock of the registry stays."""
    return world.now + timedelta(minutes=minutes)


@pytest.fixture
def changed(world, iam):  # noqa: F811
    """A role whose trust was opened some minutes after the profile was applied."""
    world.apply("deploy")
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=FOREIGN)
    world.now = later(world, 30)
    return world.now - timedelta(minutes=25)


def test_who_opened_the_trust_of_a_role_is_named_with_time_and_way(world, trail, changed):
    trail.happened("UpdateAssumeRolePolicy", changed, ["deploy"], {**ROLE, "policyDocument": FOREIGN})
    finding = world.finding()
    assert finding["cause"] == {
        "actor": SESSION,
        "at": changed.isoformat().replace("+00:00", "Z"),
        "operation": "UpdateAssumeRolePolicy",
        "via": "aws-cli/2.17.0 from 203.0.113.7",
        "stack": None,
        "binding": None,
        "lease": None,
        "run": None,
        "event": None,
        "approved_by": None,
        "record": "CloudTrail event-0",
    }
    assert finding["unknown_cause"] is None
    (asked,) = trail.asked
    assert asked["LookupAttributes"] == [{"AttributeKey": "ResourceName", "AttributeValue": "deploy"}]


def test_what_was_tried_and_refused_and_what_others_did_names_nobody(world, trail, changed):
    """Anybody may try: an attempt that failed must not shift the blame, nor what was done to a namesake."""
    asked = {**ROLE, "policyDocument": FOREIGN}
    trail.happened("UpdateAssumeRolePolicy", changed, ["deploy"], asked, errorCode="AccessDenied")
    trail.happened("PutRolePolicy", changed, ["deploy"], {**ROLE, "policyName": "buckets"})
    trail.happened("UpdateAssumeRolePolicy", changed, ["deploy"], {"roleName": "other"})
    trail.happened("UpdateAssumeRolePolicy", changed, ["deploy"], asked, eventSource="sts.amazonaws.com")
    trail.happened("UpdateAssumeRolePolicy", changed - timedelta(days=1), ["deploy"], asked)
    finding = world.finding()
    assert finding["cause"] is None
    assert finding["unknown_cause"].startswith("CloudTrail holds no event of this change")


def test_the_newest_of_many_events_is_named_over_pages(world, trail, changed):
    trail.size = 7
    for number in range(60):
        at = changed + timedelta(seconds=number)
        trail.happened("PutRolePolicy", at, ["deploy"], {**ROLE, "policyName": "other"})
    trail.happened("UpdateAssumeRolePolicy", changed, ["deploy"], ROLE, userAgent="AWS Internal")
    assert world.finding()["cause"]["via"] == "AWS console from 203.0.113.7"


def test_a_refusal_is_told_without_what_it_repeats_and_fails_no_report(world, trail, changed):
    trail.refuses = "AccessDeniedException"
    finding = world.finding()
    assert finding["cause"] is None
    assert finding["unknown_cause"] == "CloudTrail showed no events: AccessDeniedException"
    trail.refuses = ""
    trail.events = [
        {"CloudTrailEvent": "[", "EventTime": changed.timestamp(), "Resources": [{"ResourceName": "deploy"}]}
    ]
    assert "not understood" in world.finding()["unknown_cause"]


ATTACHED = "arn:aws:iam::123456789012:policy/own"


@pytest.mark.parametrize(
    ("moved", "event", "resources", "requested"),
    [
        (Moved("inline_policies", "x", came=True), "PutRolePolicy", ["deploy"], {**ROLE, "policyName": "x"}),
        (Moved("inline_policies", "x"), "PutRolePolicy", ["deploy"], {**ROLE, "policyName": "x"}),
        (Moved("inline_policies", "x", went=True), "DeleteRolePolicy", ["deploy"], {**ROLE, "policyName": "x"}),
        (
            Moved("attached_policies", ATTACHED, came=True),
            "AttachRolePolicy",
            ["deploy", ATTACHED],
            {**ROLE, "policyArn": ATTACHED},
        ),
        (
            Moved("attached_policies", ATTACHED, went=True),
            "DetachRolePolicy",
            ["deploy", ATTACHED],
            {**ROLE, "policyArn": ATTACHED},
        ),
        (
            Moved("attached_policies", ATTACHED),
            "CreatePolicyVersion",
            [ATTACHED],
            {"policyArn": ATTACHED, "setAsDefault": True},
        ),
        (Moved("attached_policies", ATTACHED), "SetDefaultPolicyVersion", [ATTACHED], {"policyArn": ATTACHED}),
        (Moved("permissions_boundary", "", went=True), "DeleteRolePermissionsBoundary", ["deploy"], ROLE),
        (Moved("max_session_duration", ""), "UpdateRole", ["deploy"], ROLE),
    ],
)
def test_each_fact_of_a_role_has_its_events(world, trail, moved, event, resources, requested):
    trail.happened(event, later(world), resources, requested)
    spec = _spec(world)
    footprint = Footprint((moved,), world.now, later(world, 9))
    assert ElsewhereInOneAccount(trail.url).trace(spec, footprint).operation == event
    other = replace(moved, name="another", what="suspended" if not moved.name else moved.what)
    with pytest.raises(CannotLook, match="no event"):
        ElsewhereInOneAccount(trail.url).trace(spec, replace(footprint, moved=(other,)))


def entry(world, action, **more):
    return {
        "@timestamp": int(later(world).timestamp() * 1000),
        "action": f"integration_installation.{action}",
        "actor": "mallory",
        "actor_ip": "203.0.113.9",
        "name": "Leasehold of Acme",
        "org": "acme",
        "_document_id": "abc",
        **more,
    }


def test_whoever_gave_an_installation_a_repository_is_named_where_the_audit_log_may_be_read(world, github):  # noqa: F811
    github.permissions["organization_administration"] = "read"
    world.apply("code")
    github.repositories.append("secrets")
    github.audit_log = [
        entry(world, "repositories_added", repositories_added_names=["acme/other"], actor="bob"),
        entry(world, "repositories_added", name="Another app", repositories_added_names=["acme/secrets"], actor="eve"),
        entry(world, "repositories_added", repositories_added_names=["acme/secrets"]),
        entry(world, "version_updated", actor="carol"),
    ]
    cause = world.finding()["cause"]
    said = {name: cause[name] for name in ("actor", "operation", "via", "record")}
    assert said == {
        "actor": "mallory",
        "operation": "integration_installation.repositories_added",
        "via": "GitHub from 203.0.113.9",
        "record": "the organisation's audit log abc",
    }
    assert github.tokens == {}, "the token that reads the log is deleted"


def test_without_the_right_to_the_log_github_tells_when_and_nobody_who(world, github):  # noqa: F811
    world.apply("code")
    github.permissions["contents"], github.updated_at = "read", "2026-11-20T10:00:00Z"
    unknown = world.finding()["unknown_cause"]
    assert "`organization_administration`" in unknown
    assert "last updated at 2026-11-20T10:00:00Z" in unknown
    github.permissions["organization_administration"], github.log_answers = "read", 404
    assert "did not show the audit log: status 404" in world.finding()["unknown_cause"]
    github.log_answers = 200
    assert "holds no event of this change" in world.finding()["unknown_cause"]


def test_who_suspended_an_installation_is_what_github_says(world, github):  # noqa: F811
    world.apply("code")
    github.suspended_by, github.updated_at = "carol", "2026-11-20T10:00:00Z"
    github.selection = "all"  # a suspended installation gives no token to list repositories with
    cause = world.finding()["cause"]
    assert (cause["actor"], cause["at"], cause["operation"]) == ("carol", "2026-11-20T10:00:00Z", "suspend")


def test_a_cause_that_takes_too_long_is_unknown_and_the_finding_is_told(world, iam):  # noqa: F811
    world.apply("deploy")
    iam.put_role_policy(RoleName="deploy", PolicyName="new", PolicyDocument=policy())

    def slow(_profile, _footprint) -> Culprit:
        raise RuntimeError(TRUST)

    world.observer.tracers[AwsSession] = slow
    assert world.finding()["unknown_cause"] == "the answer was not understood: RuntimeError"
    del world.observer.tracers[AwsSession]
    assert world.finding()["unknown_cause"] == "nobody asks there"
