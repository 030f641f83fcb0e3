"""Credentials handed out: the same on memory, SQLite and PostgreSQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leasehold.model.credentials import (
    AwsEnding,
    AwsMode,
    AwsSession,
    CredentialProfile,
    GitHubAccess,
    GitHubInstallation,
    PostgresqlLogin,
    Privilege,
)
from leasehold.model.external import CredentialFilters, CredentialState, Ending, ExternalCredential, Sealed
from leasehold.model.leases import Ancestor, Node

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)
LOGIN = PostgresqlLogin(dsn="orders", roles=frozenset({'odd "name"'}), schema="s", privileges=frozenset(Privilege))
SESSION = AwsSession(
    role_arn="arn:aws:iam::123456789012:role/deploy",
    region="eu-central-1",
    mode=AwsMode.WEB_IDENTITY,
    tags={"team": "payments"},
    on_revoke=AwsEnding.DENY_SESSION,
)
TOKEN = GitHubInstallation(
    app_id="1",
    installation_id="2",
    repositories=frozenset({"web"}),
    permissions={"contents": GitHubAccess.READ},
    private_key="app",
)
CREDENTIAL = ExternalCredential(
    id="c1",
    lease="l1",
    agent="triage",
    profile="orders",
    spec=CredentialProfile(agents=frozenset({"triage"}), postgresql=LOGIN),
    reference="leasehold_c1",
    ending=Ending.TERMINATE_SESSIONS,
    ancestors=(Ancestor(Node("registry"), 1), Ancestor(Node("profile:orders"), 3)),
    issued_at=NOW,
    lease_expires_at=NOW + timedelta(seconds=300),
    live_until=NOW + timedelta(seconds=300),
    next_attempt_at=NOW,
)
EVERY = frozenset(CredentialState)


@pytest.mark.parametrize(
    "spec",
    [
        CREDENTIAL.spec,
        CredentialProfile(agents=frozenset(), aws=SESSION),
        CredentialProfile(agents=frozenset({"a", "b"}), github_app=TOKEN, max_ttl=60),
    ],
)
def test_a_credential_comes_back_as_it_went_in(store, spec):
    one = replace(CREDENTIAL, spec=spec, sealed=Sealed("x" * 9000), problem="no answer", attempts=3)
    with store.begin() as unit:
        unit.credentials.add(one)
    with store.read() as unit:
        assert unit.credentials.find("c1") == one
        assert unit.credentials.find("c2") is None


def test_an_id_is_given_once(store):
    with store.begin() as unit:
        unit.credentials.add(CREDENTIAL)
    with pytest.raises(Exception, match=r"(?i)unique|once"), store.begin() as unit:
        unit.credentials.add(CREDENTIAL)


def test_a_credential_moves_on(store):
    ended = replace(CREDENTIAL, state=CredentialState.ENDED, attempts=2)
    with store.begin() as unit:
        unit.credentials.add(CREDENTIAL)
        unit.credentials.replace(ended)
        unit.credentials.replace(replace(ended, id="unknown"))
    with store.read() as unit:
        assert unit.credentials.list(limit=9) == [ended]


def test_what_is_due_comes_in_the_order_in_which_it_is_due(store):
    late, soon = replace(CREDENTIAL, id="c0"), replace(CREDENTIAL, id="c2", next_attempt_at=NOW - timedelta(seconds=1))
    with store.begin() as unit:
        for one in (late, soon, replace(CREDENTIAL, id="c3", next_attempt_at=NOW + timedelta(microseconds=1))):
            unit.credentials.add(one)
        unit.credentials.add(replace(CREDENTIAL, id="c4", state=CredentialState.CLEARED))
    with store.read() as unit:
        living = EVERY - {CredentialState.CLEARED}
        assert [one.id for one in unit.credentials.due(living, NOW, 9)] == ["c2", "c0"]
        assert [one.id for one in unit.credentials.due(living, NOW, 1)] == ["c2"]
        assert unit.credentials.due(frozenset(), NOW, 9) == []


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (CredentialFilters(), ["c1", "c2"]),
        (CredentialFilters(agent="triage"), ["c1"]),
        (CredentialFilters(profile="orders", lease="l2"), ["c2"]),
        (CredentialFilters(states=frozenset({CredentialState.LIVE})), ["c2"]),
        (CredentialFilters(agent="nobody"), []),
    ],
)
def test_credentials_are_listed_by_what_they_belong_to(store, filters, ids):
    with store.begin() as unit:
        unit.credentials.add(CREDENTIAL)
        unit.credentials.add(replace(CREDENTIAL, id="c2", agent="b", lease="l2", state=CredentialState.LIVE))
    with store.read() as unit:
        assert [one.id for one in unit.credentials.list(limit=9, filters=filters)] == ids
        assert [one.id for one in unit.credentials.list(after="c1", limit=9, filters=filters)] == ids[
            ids[:1] == ["c1"] :
        ]


def test_only_what_is_cleared_is_forgotten(store):
    with store.begin() as unit:
        unit.credentials.add(CREDENTIAL)
        unit.credentials.add(replace(CREDENTIAL, id="c2", state=CredentialState.CLEARED))
        assert unit.credentials.forget(CREDENTIAL.live_until) == 0
        assert unit.credentials.forget(CREDENTIAL.live_until + timedelta(microseconds=1)) == 1
        assert [one.id for one in unit.credentials.list(limit=9)] == ["c1"]
