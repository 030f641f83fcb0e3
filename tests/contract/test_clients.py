"""Further clients of agents: one contract for every store."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest

from leasehold.model.errors import Forbidden, LeaseholdError, Unauthenticated
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, Owner
from leasehold.model.principal import Principal, Role
from leasehold.model.registrations import ClientMetadata, RegisteredClient, RegistrationToken
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.registry.put import put_object
from leasehold.registry.registrations import NewClient, change_client, end_client, offer_registration, register_client
from leasehold.registry.writes import MustNotExist, Put

ADMIN = Principal(id="admin", role=Role.SECURITY_ADMIN)
KEYS = {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}
METADATA = json.dumps({"grant_types": ["client_credentials"], "jwks": KEYS}).encode()
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
        assert not unit.registrations.names_any()
        unit.registrations.name("triage", frozenset({URL, OTHER}))
    with store.begin() as unit:
        unit.registrations.name("triage", frozenset({URL}))
        unit.registrations.name("rival", frozenset({OTHER}))
    with store.read() as unit:
        assert unit.registrations.names_any()
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
        assert [one.metadata.client_id for one in unit.registrations.every()] == ["dyn.0", "dyn.1"]
        assert unit.registrations.remove("dyn.1")
        assert not unit.registrations.remove("dyn.1")
        assert unit.registrations.find("dyn.1") is None


def furnished(store, clients=1):
    """An agent that takes so many clients, and initial access tokens for two."""
    agent = Agent(owner="alice", review_by=date(2027, 5, 1), dynamic_clients=clients)
    put(store, Kind.OWNERS, "alice", Owner(display_name="Alice", email="alice@example.com", team="web"))
    put(store, Kind.AGENTS, "triage", agent)
    permit = decide_platform(ADMIN, PlatformAction.PUT, "registration-tokens")
    return [offer_registration(store, permit, "triage", timedelta(hours=1), NOW).token for _ in range(2)]


def put(store, kind, name, spec):
    permit = decide_platform(ADMIN, PlatformAction.PUT, kind)
    put_object(store, permit, Put(kind=kind, name=name, spec=spec, precondition=MustNotExist()), NOW)


def at_once(store, tokens):
    barrier = Barrier(len(tokens))

    def register(token):
        barrier.wait()
        try:
            return register_client(store, token, METADATA, NOW)
        except LeaseholdError as error:
            return type(error)

    with ThreadPoolExecutor(len(tokens)) as pool:
        return list(pool.map(register, tokens))


def test_a_token_brought_by_many_at_once_registers_one_client(store):
    first, _ = furnished(store, clients=8)
    outcomes = at_once(store, [first] * 8)

    assert sum(isinstance(outcome, NewClient) for outcome in outcomes) == 1
    assert outcomes.count(Unauthenticated) == 7


def test_tokens_brought_at_once_register_no_more_clients_than_the_agent_takes(store):
    outcomes = at_once(store, furnished(store, clients=1))

    assert sum(isinstance(outcome, NewClient) for outcome in outcomes) == 1
    assert outcomes.count(Forbidden) == 1
    with store.read() as unit:
        assert len(unit.registrations.of_agent("triage")) == 1


def test_of_many_ends_and_changes_at_once_one_ends_the_client_and_nobody_brings_it_back(store):
    first, _ = furnished(store)
    made = register_client(store, first, METADATA, NOW)
    client_id = made.client.metadata.client_id
    other = json.dumps({**json.loads(METADATA), "client_id": client_id, "client_name": "other"}).encode()
    barrier = Barrier(8)

    def act(number):
        barrier.wait()
        try:
            if number % 2:
                change_client(store, client_id, made.token, other, NOW)
            else:
                end_client(store, client_id, made.token, NOW)
        except Unauthenticated:
            return None
        return "changed" if number % 2 else "ended"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(act, range(8)))

    assert outcomes.count("ended") == 1
    with store.read() as unit:
        assert unit.registrations.find(client_id) is None
