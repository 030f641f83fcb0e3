"""Further clients of agents: one contract for every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from leasehold.model.registrations import ClientMetadata, RegisteredClient, RegistrationToken

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
URL, OTHER = "https://app.example/client.json", "https://app.example/other.json"
TOKEN = RegistrationToken(sha256="ab" * 32, agent="triage", expires_at=NOW + timedelta(hours=1))
CLIENT = RegisteredClient(
    metadata=ClientMetadata(
        client_id="dyn.1",
        redirect_uris=frozenset({"https://app/cb", "https://app/other"}),
        grants=frozenset({"authorization_code"}),
        jwks='{"keys": []}',
        name="Triage é",
    ),
    agent="triage",
    token_sha256="cd" * 32,
    created_at=NOW,
)


def test_an_agent_is_known_by_the_addresses_that_it_declared_last(store):
    with store.begin() as unit:
        unit.registrations.name("triage", frozenset({URL, OTHER}))
    with store.begin() as unit:
        unit.registrations.name("triage", frozenset({URL}))
        unit.registrations.name("rival", frozenset({OTHER}))
    with store.read() as unit:
        assert unit.registrations.agent_named(URL) == "triage"
        assert unit.registrations.agent_named(OTHER) == "rival"
        assert unit.registrations.agent_named("https://app.example/nobody.json") is None


def test_an_address_names_one_agent(store):
    with store.begin() as unit:
        unit.registrations.name("triage", frozenset({URL}))
    with pytest.raises(Exception, match=r"."), store.begin() as unit:  # each database has an error of its own
        unit.registrations.name("rival", frozenset({URL}))
    with store.read() as unit:
        assert unit.registrations.agent_named(URL) == "triage"


def test_an_initial_access_token_is_taken_once(store):
    with store.begin() as unit:
        unit.registrations.offer(TOKEN)
    with store.begin() as unit:
        assert unit.registrations.offered(TOKEN.sha256) == TOKEN
        assert unit.registrations.take(TOKEN.sha256) == TOKEN
        assert unit.registrations.take(TOKEN.sha256) is None
        assert unit.registrations.offered(TOKEN.sha256) is None


def test_tokens_of_an_agent_are_forgotten_when_they_expire_or_all_at_once(store):
    later = replace(TOKEN, sha256="ef" * 32, expires_at=NOW + timedelta(hours=2))
    with store.begin() as unit:
        unit.registrations.offer(TOKEN)
        unit.registrations.offer(later)
        unit.registrations.forget("triage", NOW + timedelta(hours=1, seconds=1))
        assert unit.registrations.offered(TOKEN.sha256) is None
        assert unit.registrations.offered(later.sha256) == later
        unit.registrations.forget("triage")
        assert unit.registrations.offered(later.sha256) is None


def test_a_registered_client_comes_back_as_it_went(store):
    changed = replace(CLIENT, metadata=replace(CLIENT.metadata, jwks=None, jwks_uri="https://app/jwks"))
    with store.begin() as unit:
        unit.registrations.put(CLIENT)
        assert unit.registrations.find("dyn.1") == CLIENT
        unit.registrations.put(changed)
        unit.registrations.put(replace(CLIENT, metadata=replace(CLIENT.metadata, client_id="dyn.0")))
    with store.begin() as unit:
        assert unit.registrations.find("dyn.1") == changed
        assert [one.metadata.client_id for one in unit.registrations.of_agent("triage")] == ["dyn.0", "dyn.1"]
        assert unit.registrations.of_agent("rival") == []
        assert unit.registrations.remove("dyn.1")
        assert not unit.registrations.remove("dyn.1")
        assert unit.registrations.find("dyn.1") is None
