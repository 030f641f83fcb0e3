"""Credentials of credential profiles for calls: drawn for whom the profile names, on a lease, killed with it."""

import asyncio
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws
from tests.fakes.broker_world import ALICE, OAUTH, BrokerWorld
from tests.fakes.credential_world import FEDERATION, LOGIN, TOKEN, CredentialWorld
from tests.fakes.exchange_world import ISSUER

from leasehold.credentials.calls import CallCredentials
from leasehold.external.aws import AwsSource
from leasehold.model.connections import ConnectionKind, NotConnected, NotConnectedReason
from leasehold.model.credentials import AwsSession, CredentialProfile
from leasehold.model.errors import Unavailable
from leasehold.model.external import CredentialState, MintRefused
from leasehold.model.kinds import Kind
from leasehold.model.leases import agent_node
from leasehold.model.people import AgentState
from leasehold.model.upstream import CredentialUpstream, UpstreamAuth
from leasehold.store.memory.store import MemoryStore

DRAWN = UpstreamAuth(credential=CredentialUpstream(profile="app"))
NOTHING = NotConnected(reason=NotConnectedReason.NOT_PROMOTED)


class Drawn:
    """A broker beside a credential desk."""

    def __init__(self, folder, sources=None):
        self.desk = CredentialWorld(MemoryStore(), folder, sources)
        self.desk.world.store.listen(lambda _events: None)
        calls = CallCredentials(self.desk.desk, self.desk.store)
        self.broker = BrokerWorld(self.desk.world, folder, calls)
        self.desk.profile("app", TOKEN)
        self.broker.declare("github", DRAWN)

    def authorize(self, *args, **kwargs):
        return self.broker.authorize(*args, **kwargs)

    def records(self):
        with self.desk.store.read() as unit:
            return unit.credentials.list(limit=99)


@pytest.fixture
def drawn(tmp_path):
    made = Drawn(tmp_path)
    yield made
    made.desk.close()


def test_a_credential_is_drawn_for_the_agent_that_the_profile_names(drawn):
    answer = drawn.authorize(None)
    assert dict(answer.headers) == {"Authorization": "Bearer swordfish"}
    (record,) = drawn.records()
    assert (answer.kind, answer.connection) == (ConnectionKind.SHARED, f"credential:{record.id}")
    assert (record.agent, record.profile, record.state) == ("triage", "app", CredentialState.LIVE)
    assert "swordfish" not in repr(answer) + repr(record) + repr(drawn.broker.drawing._kept)


def test_an_agent_that_the_profile_does_not_name_has_nothing_and_that_is_on_record(drawn):
    drawn.broker.agent("other")
    assert drawn.authorize(None, "other") == NOTHING
    assert drawn.records() == []
    denied = [e for e in drawn.broker.events("credentials") if e.outcome.value == "denied"]
    assert [e.reason for e in denied] == ["agent_not_allowed"]


def test_many_calls_draw_once(drawn):
    calls = [drawn.broker.call(user) for user in (None, ALICE, None)]

    async def ask():
        return await asyncio.gather(*(drawn.broker.broker.authorize(call) for call in calls))

    answers = asyncio.run(ask())
    drawn.authorize(None)
    assert len({answer.connection for answer in answers}) == 1
    assert len(drawn.records()) == 1


def test_it_is_drawn_anew_before_its_lease_ends(drawn):
    first = drawn.authorize(None).connection
    drawn.broker.later(seconds=275)
    assert drawn.authorize(None).connection == first
    drawn.broker.later(seconds=10)
    assert drawn.authorize(None).connection != first


def test_a_write_elsewhere_does_not_draw_anew(drawn):
    first = drawn.authorize(None).connection
    drawn.broker.declare("jira", OAUTH)
    assert drawn.authorize(None).connection == first


@pytest.mark.parametrize("what", ["agent", "profile"])
def test_what_has_fallen_is_used_no_more_and_is_killed(drawn, what):
    first = drawn.authorize(None).connection
    if what == "agent":
        drawn.desk.world.bump(agent_node("triage"))
    else:
        drawn.desk.profile("app", replace(TOKEN, max_ttl=60))
    drawn.broker.broker.forget()
    assert drawn.authorize(None).connection != first
    for work in drawn.desk.endings.look():
        work.result(5)
    assert [reference for reference, _ in drawn.desk.source.kills] == [f"leasehold-{first.removeprefix('credential:')}"]


def test_a_suspended_agent_draws_nothing(drawn):
    drawn.desk.world.change(Kind.AGENTS, "triage", state=AgentState.SUSPENDED)
    assert drawn.authorize(None) == NotConnected(reason=NotConnectedReason.AGENT_ENDED)
    assert drawn.records() == []
    assert asyncio.run(CallCredentials(drawn.desk.desk, drawn.desk.store).draw("triage", "app")) is None


@pytest.mark.parametrize("profile", ["nothing", "orders"])
def test_a_profile_that_is_none_or_of_a_database_gives_nothing(drawn, profile):
    drawn.desk.profile("orders", LOGIN)
    drawn.broker.declare("github", UpstreamAuth(credential=CredentialUpstream(profile=profile)))
    assert drawn.authorize(None) == NOTHING
    assert drawn.records() == []


@pytest.mark.parametrize("error", [MintRefused("no"), RuntimeError("swordfish")])
def test_a_system_that_gives_nothing_lets_nothing_go_out(drawn, error):
    drawn.desk.source.mint_fails = error
    with pytest.raises(Unavailable) as refused:
        drawn.authorize(None)
    assert "swordfish" not in str(refused.value)
    drawn.desk.source.mint_fails = None
    assert drawn.authorize(None).kind is ConnectionKind.SHARED


def test_a_token_of_our_own_issuer_goes_out_as_it_is(drawn):
    drawn.desk.profile("vault", FEDERATION)
    drawn.broker.declare("github", UpstreamAuth(credential=CredentialUpstream(profile="vault")))
    assert dict(drawn.authorize(None).headers) == {"Authorization": "Bearer swordfish"}


def test_a_login_of_a_database_lets_no_call_out_though_it_was_drawn(drawn, monkeypatch):
    drawn.authorize(None)
    drawing = drawn.broker.broker._drawing
    ((place, kept),) = drawing._kept.items()
    login = replace(kept.credential, target=LOGIN.target)
    monkeypatch.setitem(drawing._kept, place, replace(kept, credential=login))
    with pytest.raises(Unavailable):
        drawn.authorize(None)


def test_nobody_connects_anything_there(drawn):
    bob = drawn.broker.identity("00u2bob")
    reply = drawn.broker.send("POST", "/v1/connections/github", bob, {"api_key": {"key": "k"}})
    assert reply.status == 422


def test_a_session_of_aws_signs(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        made = Drawn(tmp_path, {AwsSession: AwsSource(boto3.Session(), ISSUER, None)})
        aws = AwsSession(role_arn=role, region="eu-central-1")
        made.desk.profile("app", CredentialProfile(agents=frozenset({"triage"}), aws=aws))
        headers = dict(made.authorize(None).headers)
        made.desk.close()
    assert headers["X-Amz-Security-Token"]
    assert "/eu-central-1/execute-api/aws4_request" in headers["Authorization"]
