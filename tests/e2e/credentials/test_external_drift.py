"""What a profile points to changed over there: recorded at the apply, found by the report, and never ok unseen.

IAM is moto over HTTP, GitHub a server shaped like its API; the registry is the real one, asked through its doors.
"""

import asyncio
import json
import socket
import threading
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.github_api import github_api
from tests.fakes.registry import AGENT, OWNER

from leasehold.external.aws_roles import AwsRoles
from leasehold.external.github_installations import GitHubInstallations
from leasehold.external.observing import Observer
from leasehold.external.secrets import Secrets
from leasehold.keys.app_assertions import app_assertion
from leasehold.model.credentials import AwsSession, GitHubInstallation
from leasehold.model.kinds import Kind
from leasehold.review.reviews import Reviews
from leasehold.store.sql_store import open_store
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import Doors

KEYS = {"aws_access_key_id": "AKIABROKER", "aws_secret_access_key": "swordfish", "region_name": "eu-central-1"}
ROLE = "arn:aws:iam::123456789012:role/deploy"


def policy(action="s3:GetObject", effect="Allow", **more):
    statement = {"Effect": effect, "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@pytest.fixture
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    httpx.post(f"http://{host}:{port}/moto-api/reset", trust_env=False).raise_for_status()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def iam(moto):
    client = boto3.client("iam", endpoint_url=moto, **KEYS)
    client.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)
    client.put_role_policy(
        RoleName="deploy", PolicyName="buckets", PolicyDocument=policy(["s3:PutObject", "s3:GetObject"])
    )
    managed = client.create_policy(PolicyName="own", PolicyDocument=policy())["Policy"]["Arn"]
    client.attach_role_policy(RoleName="deploy", PolicyArn=managed)
    client.managed = managed
    return client


@pytest.fixture
def github():
    with github_api() as api:
        yield api


class World:
    """A registry over SQLite whose doors are open, and what its profiles say."""

    def __init__(self, store, moto, github):
        secrets = Secrets({"APP": github.pem})
        lookers = {
            AwsSession: AwsRoles(boto3.Session(**KEYS)).look,
            GitHubInstallation: GitHubInstallations(secrets.find, app_assertion).look,
        }
        self.observer = Observer(lookers)
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.doors = Doors(
            store=store,
            authenticator=FakeAuthenticator(),
            clock=lambda: self.now,
            reviews=Reviews(store, self.observer),
            observer=self.observer,
        )
        self.app = control_plane(self.doors)
        self.store, self.revisions = store, {}
        review_by = (self.now + timedelta(days=90)).date().isoformat()
        self.put("owners", "alice", OWNER, "admin")
        self.put("agents", "triage", {**AGENT, "owner": "alice", "review_by": review_by}, "admin")
        aws = {"role_arn": ROLE, "region": "eu-central-1", "endpoint_url": moto}
        app = {"app_id": "1", "installation_id": "2", "private_key": "app", "api_url": github.url}
        token = {**app, "repositories": ["web"], "permissions": {"contents": "read"}}
        self.profiles = {
            "deploy": {"agents": ["triage"], "aws": aws},
            "code": {"agents": ["triage"], "github_app": token},
        }

    def send(self, method, url, caller="prod", **request):
        async def sent():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://leasehold") as client:
                return await client.request(
                    method, url, headers={"Authorization": f"Bearer {caller}", **request.pop("headers", {})}, **request
                )

        return asyncio.run(sent())

    def put(self, kind, name, body, caller="prod"):
        seen = self.revisions.get((kind, name))
        headers = {"If-Match": f'"{seen}"'} if seen else {"If-None-Match": "*"}
        answer = self.send("PUT", f"/v1/{kind}/{name}", caller, json=body, headers=headers)
        assert answer.is_success, answer.text
        self.revisions[kind, name] = answer.json()["revision"]

    def apply(self, *names):
        for name in names or self.profiles:
            self.put("credential-profiles", name, self.profiles[name])

    def delete(self, name):
        seen = self.revisions.pop(("credential-profiles", name))
        assert self.send("DELETE", f"/v1/credential-profiles/{name}", headers={"If-Match": f'"{seen}"'}).is_success

    def report(self):
        resources = [
            {
                "type": "leasehold_credential_profile",
                "address": f"leasehold_credential_profile.{name}",
                "values": {"name": name, **self.profiles[name]},
            }
            for kind, name in self.revisions
            if kind == "credential-profiles"
        ]
        answer = self.send("POST", "/v1/drift", "viewer", json={"stacks": [{"stack": "prod", "resources": resources}]})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finding(self):
        (found,) = self.report()["findings"]
        return found


@pytest.fixture
def world(sqlite_registry_url, moto, iam, github):
    store = open_store(sqlite_registry_url)
    yield World(store, moto, github)
    store.close()


def test_what_is_as_it_was_applied_is_judged_and_no_finding(world):
    world.apply()
    report = world.report()
    assert (report["findings"], report["unproven"]) == ([], [])
    assert (report["coverage"]["pct"], report["coverage"]["total"]) == (100.0, 4)
    with world.store.read() as unit:
        baseline = unit.baselines.find_all(["deploy"])["deploy"]
        events = [one.event for one in unit.audit.list(kind="credential-profiles", name="deploy")]
    assert (baseline.by, baseline.at) == ("github-actions:acme/web#1", world.now)
    assert [(one.action, one.outcome) for one in events] == [("observe", "ok"), ("create", "ok")]


FOREIGN = TRUST.replace("123456789012", "666666666666")
DENIALS_NAME = f"triage.{'a' * 32}"
DOES_MORE = ("high", "the role can do something else")


def inline(name, document):
    return lambda iam: iam.put_role_policy(RoleName="deploy", PolicyName=name, PolicyDocument=document)


def attach(iam):
    arn = iam.create_policy(PolicyName="wide", PolicyDocument=policy("*"))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="deploy", PolicyArn=arn)


OWN = "attached_policies.arn:aws:iam::123456789012:policy/own"
CHANGES = {
    "trust": (
        lambda iam: iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=FOREIGN),
        ("trust_policy", "critical", "others may take the role"),
    ),
    "inline": (inline("buckets", policy("s3:*")), ("inline_policies.buckets", *DOES_MORE)),
    "another inline": (inline("more", policy("iam:*")), ("inline_policies.more", *DOES_MORE)),
    "under the name of a denial": (
        inline(DENIALS_NAME, policy("iam:*")),
        (f"inline_policies.{DENIALS_NAME}", *DOES_MORE),
    ),
    "attached": (attach, ("attached_policies.arn:aws:iam::123456789012:policy/wide", *DOES_MORE)),
    "the text of an attached policy": (
        lambda iam: iam.create_policy_version(PolicyArn=iam.managed, PolicyDocument=policy("*"), SetAsDefault=True),
        (OWN, *DOES_MORE),
    ),
    "detached": (
        lambda iam: iam.detach_role_policy(RoleName="deploy", PolicyArn=iam.managed),
        (OWN, "medium", "a policy of the role is gone"),
    ),
    "longer sessions": (
        lambda iam: iam.update_role(RoleName="deploy", MaxSessionDuration=43_200),
        ("max_session_duration", "medium", "sessions may be longer"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_role_that_changed_over_there_is_found_and_says_what_moved(world, iam, change):
    world.apply()
    do, (path, risk, factor) = CHANGES[change]
    do(iam)
    finding = world.finding()
    assert (finding["class"], finding["kind"], finding["name"]) == ("external", "credential-profiles", "deploy")
    assert ([one["path"] for one in finding["changes"]], finding["risk"]) == ([path], risk)
    assert finding["factors"] == [factor]
    assert "widened" in finding["states"] or "narrowed" in finding["states"]
    assert "-replace=leasehold_credential_profile.deploy" in finding["fix"]["revert"]
    assert finding["blast"]["agents"] == 1
    assert world.finding()["fingerprint"] == finding["fingerprint"]


def test_the_same_policies_written_otherwise_and_our_own_denials_are_no_change(world, iam):
    world.apply()
    statement = {"Resource": ["*"], "Action": ["s3:GetObject", "s3:PutObject"], "Effect": "Allow"}
    inline("buckets", json.dumps({"Statement": statement, "Version": "2012-10-17"}))(iam)
    inline(f"triage.{'b' * 32}", policy("*", "Deny"))(iam)
    assert world.report()["findings"] == []


def test_a_later_edit_here_does_not_take_a_change_over_there_for_granted(world, iam):
    world.apply()
    CHANGES["trust"][0](iam)
    world.profiles["deploy"]["description"] = "edited"
    world.apply("deploy")
    assert world.finding()["class"] == "external"
    world.delete("deploy")
    world.apply("deploy")  # as `terraform apply -replace` does
    assert world.report()["findings"] == []


def test_another_target_has_a_baseline_of_its_own(world, iam):
    world.apply()
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=TRUST)
    world.profiles["deploy"]["aws"]["role_arn"] = ROLE.replace("deploy", "other")
    world.apply("deploy")
    assert world.report()["findings"] == []
    iam.put_role_policy(RoleName="other", PolicyName="new", PolicyDocument=policy())
    assert world.finding()["changes"][0]["path"] == "inline_policies.new"


@pytest.mark.parametrize(
    ("change", "path", "state"),
    [
        (lambda api: api.permissions.update(administration="write"), "permissions.administration", "widened"),
        (lambda api: api.permissions.update(contents="read"), "permissions.contents", "narrowed"),
        (lambda api: api.repositories.append("secrets"), "repositories.acme/secrets", "widened"),
        (lambda api: api.repositories.remove("api"), "repositories.acme/api", "narrowed"),
    ],
)
def test_an_installation_that_changed_over_there_is_found(world, github, change, path, state):
    world.apply()
    assert github.tokens == {}, "the token that lists repositories is deleted"
    change(github)
    finding = world.finding()
    assert (finding["class"], finding["name"], [one["path"] for one in finding["changes"]]) == (
        "external",
        "code",
        [path],
    )
    assert state in finding["states"]


def test_many_repositories_are_all_seen_and_their_order_is_nothing(world, github):
    github.repositories = [f"repo-{number}" for number in range(230)] + ["web"]
    world.apply()
    github.repositories.reverse()
    assert world.report()["findings"] == []
    github.repositories.append("one-more")
    assert [one["path"] for one in world.finding()["changes"]] == ["repositories.acme/one-more"]


def test_a_system_that_does_not_answer_is_unproven_and_never_ok(world, github, iam):
    world.apply()
    github.shows = 500
    iam.delete_role_policy(RoleName="deploy", PolicyName="buckets")
    iam.detach_role_policy(RoleName="deploy", PolicyArn=iam.managed)
    iam.delete_role(RoleName="deploy")
    report = world.report()
    assert report["findings"] == []
    assert {one["address"].rpartition(".")[2]: one["reason"] for one in report["unproven"]} == {
        "code": "GitHub did not show the installation: status 500",
        "deploy": "IAM did not show the role: NoSuchEntity",
    }
    assert (report["summary"]["unproven"], report["summary"]["coverage_pct"]) == (2, 50.0)
    assert report["coverage"]["gaps"] == [
        {"what": "external systems", "count": 2, "why": "not seen now, or not when the profile was applied"}
    ]


def test_an_apply_does_not_fail_where_nothing_can_be_seen_and_the_next_write_looks_again(world, github):
    github.shows = 403
    world.apply("code")
    (unproven,) = world.report()["unproven"]
    assert unproven["reason"] == (
        "what it pointed to was not seen when it was applied: GitHub did not show the installation: status 403"
    )
    github.shows = None
    world.profiles["code"]["description"] = "again"
    world.apply("code")
    assert world.report()["unproven"] == []


def test_a_role_of_another_account_under_the_same_name_is_not_taken_for_it(world):
    world.profiles["deploy"]["aws"]["role_arn"] = ROLE.replace("123456789012", "210987654321")
    world.apply("deploy")
    (unproven,) = world.report()["unproven"]
    assert "another account" in unproven["reason"]


def test_no_endpoint_no_key_and_no_secret_are_looks_that_failed_without_a_secret_in_sight(world, github):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        world.profiles["deploy"]["aws"]["endpoint_url"] = f"http://127.0.0.1:{free.getsockname()[1]}"
    world.profiles["code"]["github_app"]["private_key"] = "nobody-has-it"
    world.apply()
    text = json.dumps(world.report())
    assert "IAM did not answer: EndpointConnectionError" in text
    assert "this server has no secret named `nobody-has-it`" in text
    assert github.pem[40:80] not in text
    assert "swordfish" not in text


def test_a_look_that_takes_too_long_is_a_look_that_failed(world):
    slow = Observer({AwsSession: lambda *_: threading.Event().wait(5)}, patience=0.05)
    profile = {"deploy": _spec(world)}
    assert slow.look(profile, world.now)["deploy"].problem == "no answer in time"
    broken = Observer({AwsSession: lambda *_: {}["secret"]})
    assert broken.look(profile, world.now)["deploy"].problem == "the answer was not understood: KeyError"
    assert Observer({}).look(profile, world.now)["deploy"].facts is None


def _spec(world):
    world.apply("deploy")
    with world.store.read() as unit:
        return unit.objects.get(Kind.CREDENTIAL_PROFILES, "deploy").spec
