"""Client secrets, consents and authorizations under way: one contract for every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from leasehold.model.clients import ClientSecret
from leasehold.model.consents import Consent, Pending, Stage

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = ClientSecret(agent="triage", salt="ab", digest="cd", created_at=NOW, expires_at=NOW + timedelta(days=90))
CONSENT = Consent(user="user:idp/1", agent="triage", resource="https://a", scopes=frozenset({"x", "y"}), at=NOW)
PENDING = Pending(
    digest="d1",
    stage=Stage.PUSHED,
    agent="triage",
    redirect_uri="https://app/cb",
    challenge="c",
    state="s",
    resource="https://a",
    scopes=frozenset({"x"}),
    expires_at=NOW + timedelta(seconds=60),
    detail=(("nonce", "n"),),
)


def test_an_agent_has_one_secret(store):
    with store.begin() as unit:
        unit.client_secrets.put(SECRET)
        unit.client_secrets.put(replace(SECRET, digest="ef"))
    with store.read() as unit:
        assert unit.client_secrets.find("triage") == replace(SECRET, digest="ef")
        assert unit.client_secrets.find("other") is None
    with store.begin() as unit:
        assert unit.client_secrets.delete("triage")
        assert not unit.client_secrets.delete("triage")


def test_a_later_consent_stands_in_for_the_one_before(store):
    revoked = replace(CONSENT, revoked_at=NOW + timedelta(hours=1))
    with store.begin() as unit:
        unit.consents.put(CONSENT)
        unit.consents.put(replace(CONSENT, agent="other"))
        unit.consents.put(revoked)
    with store.read() as unit:
        assert unit.consents.find("user:idp/1", "triage", "https://a") == revoked
        assert unit.consents.find("user:idp/1", "triage", "https://b") is None
        assert [one.agent for one in unit.consents.of_user("user:idp/1")] == ["other", "triage"]


def test_a_stage_is_taken_once_and_only_as_what_it_is(store):
    with store.begin() as unit:
        unit.authorizations.add(PENDING)
    with store.begin() as unit:
        assert unit.authorizations.take("d1", Stage.CODE) is None
        assert unit.authorizations.find("d1", Stage.PUSHED) == PENDING
        assert unit.authorizations.take("d1", Stage.PUSHED) == PENDING
        assert unit.authorizations.take("d1", Stage.PUSHED) is None


def test_what_expired_is_forgotten(store):
    with store.begin() as unit:
        unit.authorizations.add(PENDING)
        assert unit.authorizations.forget(NOW) == 0
        assert unit.authorizations.forget(NOW + timedelta(minutes=2)) == 1
