"""Credential profiles as constructs: the right attributes, and mistakes caught at synth."""

import json

import pytest

from leasehold_cdktf import AwsSession, CredentialProfile, Federation, GitHubInstallation, PostgresqlLogin
from leasehold_cdktf.collector import collector_of

ROLE = "arn:aws:iam::123456789012:role/deploy"


def declared(stack):
    return collector_of(stack).resources["leasehold_credential_profile"]


def test_a_profile_of_every_system(stack):
    policy = {"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
    targets = {
        "aws": AwsSession(role_arn=ROLE, region="eu-central-1", session_policy=policy, tags={"team": "web"}),
        "db": PostgresqlLogin(dsn="orders", roles={"b", "a"}),
        "hub": GitHubInstallation(
            app_id="1", installation_id="2", repositories=["web"], permissions={"contents": "read"}, private_key="app"
        ),
        "vault": Federation(audience="https://vault.example"),
    }
    for name, target in targets.items():
        CredentialProfile(stack, name, agents=["triage", "scout"], target=target)
    found = declared(stack)
    assert {one["agents"][0] for one in found.values()} == {"scout"}
    aws = found["aws"]["aws"]
    assert json.loads(aws.pop("session_policy")) == policy
    assert aws == {"role_arn": ROLE, "region": "eu-central-1", "tags": {"team": "web"}}
    assert found["db"]["postgresql"] == {"dsn": "orders", "roles": ["a", "b"]}
    assert found["hub"]["github_app"]["repositories"] == ["web"]
    assert found["vault"]["federation"] == {"audience": "https://vault.example"}


@pytest.mark.parametrize(
    ("target", "values", "complaint"),
    [
        (AwsSession, {"role_arn": "deploy", "region": "x"}, "role_arn"),
        (AwsSession, {"role_arn": ROLE, "region": "x", "duration": 300}, "900 to 3600"),
        (PostgresqlLogin, {"dsn": "postgresql://admin:secret@db/x", "roles": ["r"]}, "dsn"),
        (PostgresqlLogin, {"dsn": "orders"}, "login for nothing"),
        (PostgresqlLogin, {"dsn": "orders", "privileges": ["select"]}, "schema"),
        (
            GitHubInstallation,
            {"app_id": "1", "installation_id": "2", "repositories": [], "permissions": {}, "private_key": "k"},
            "all there are",
        ),
    ],
)
def test_a_mistake_is_caught_at_synth(target, values, complaint):
    with pytest.raises(ValueError, match=complaint):
        target(**values)
