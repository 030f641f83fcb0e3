"""Who is handed what: attacks first."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.fakes.client_keys import TOKEN_URL, ClientKey
from tests.fakes.credential_world import AUDIENCE, LOGIN
from tests.fakes.exchange_world import ISSUER

from leasehold.credentials.records import CredentialRefused
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.errors import InvalidBody, Unauthenticated, Unavailable
from leasehold.model.external import CredentialState, MintRefused
from leasehold.model.kinds import Kind
from leasehold.model.leases import agent_node, lease_node, profile_node
from leasehold.model.possession import Unproven


def denials(world):
    return [e.reason for e in world.world.events() if e.kind == "credentials" and e.outcome.value == "denied"]


def test_a_profile_that_does_not_exist_and_one_that_is_not_granted_look_alike(world):
    world.agent("other")
    world.profile("theirs", replace(LOGIN, agents=frozenset({"other"})))
    said = set()
    for name in ("theirs", "nothing"):
        with pytest.raises(CredentialRefused) as refused:
            world.draw(name)
        said.add((str(refused.value).replace(name, "…"), refused.value.code))
    assert len(said) == 1
    assert denials(world) == ["unknown_profile", "agent_not_allowed"]
    assert not world.records()


@pytest.mark.parametrize(
    "name", ["", "../orders", "orders'; DROP TABLE leases; --", "orders\x00", "x" * 5000, "ÖRDERS"]
)
def test_a_name_that_is_none_finds_nothing(world, name):
    with pytest.raises(CredentialRefused):
        world.draw(name)


def test_a_token_for_a_tool_server_or_the_registry_draws_nothing(world):
    for token in (world.world.get(world.world.pod_token()).access_token, world.world.registry_token()):
        with pytest.raises(Unauthenticated):
            world.draw("orders", token)


def test_a_token_of_the_door_is_no_registry_token(world):
    with pytest.raises(Unauthenticated):
        world.world.callers.authenticate(world.token(), world.world.now)


def test_a_lease_without_the_scope_does_not_draw(world):
    token = world.token(scopes=frozenset({"credential:vault"}))
    with pytest.raises(CredentialRefused):
        world.draw("orders", token)
    assert denials(world) == ["not_leased"]
    assert world.draw("vault", token).secret


def test_a_lease_cannot_name_a_profile_of_others(world):
    world.agent("other")
    world.profile("theirs", replace(LOGIN, agents=frozenset({"other"})))
    with pytest.raises(ExchangeRefused):
        world.token(scopes=frozenset({"credential:theirs"}))


def test_an_agent_without_any_profile_gets_no_token_for_the_door(world):
    for name in ("orders", "github", "vault"):
        world.profile(name, replace(LOGIN, agents=frozenset()))
    with pytest.raises(ExchangeRefused) as refused:
        world.token()
    assert refused.value.code == "invalid_target"


def test_an_expired_lease_draws_nothing(world):
    token = world.token()
    world.world.later(seconds=301)
    with pytest.raises(Unauthenticated):
        world.draw("orders", token)


def test_a_revoked_lease_draws_nothing(world):
    token = world.token()
    world.world.bump(agent_node("triage"))
    with pytest.raises(Unauthenticated):
        world.draw("orders", token)
    assert not world.source.alive


def test_a_profile_taken_away_after_the_token_was_issued_draws_nothing(world):
    token = world.token()
    world.profile("orders", replace(LOGIN, agents=frozenset()))
    with pytest.raises(CredentialRefused):
        world.draw("orders", token)


@pytest.mark.parametrize(("ttl", "lives"), [(None, 120), (3600, 120), (60, 60), (10**8, 120)])
def test_nothing_lives_longer_than_the_profile_and_the_lease_allow(world, ttl, lives):
    world.profile("orders", replace(LOGIN, max_ttl=120))
    issued = world.draw("orders", ttl=ttl)
    assert issued.expires_at == world.world.now + timedelta(seconds=lives)


def test_a_credential_ends_with_its_lease(world):
    token = world.token()
    world.world.later(seconds=200)
    issued = world.draw("orders", token)
    assert issued.expires_at == world.world.now + timedelta(seconds=100)


def test_a_lease_with_less_than_a_second_left_draws_nothing(world):
    token = world.token()
    world.world.later(seconds=299.5)
    with pytest.raises(CredentialRefused):
        world.draw("orders", token)


def test_it_is_on_record_before_it_exists(world):
    seen = []
    world.source.during = lambda: seen.append(world.record().state)
    issued = world.draw("orders")
    assert seen == [CredentialState.MINTING]
    assert world.record() == issued.record
    assert world.record().state is CredentialState.LIVE


def test_no_record_no_credential(world):
    token = world.token()
    world.store.full = True
    with pytest.raises(Unavailable):
        world.draw("orders", token)
    assert not world.source.alive


def test_a_credential_whose_release_cannot_be_recorded_is_killed_and_not_handed_out(world):
    token = world.token()
    world.source.during = lambda: setattr(world.store, "away", True)
    with pytest.raises(Unavailable):
        world.draw("github", token)
    world.store.away = False
    assert not world.source.alive
    assert world.source.kills[0][1] == "swordfish"
    world.world.later(seconds=61)
    world.look()
    assert world.record().state in {CredentialState.EXPIRING, CredentialState.CLEARED}


@pytest.mark.parametrize("node", [agent_node("triage"), profile_node("orders"), lease_node("")])
def test_what_is_revoked_while_it_is_minted_is_born_dead(world, node):
    def revoke():
        world.world.bump(node if node != lease_node("") else lease_node(world.record().lease))

    world.source.during = revoke
    with pytest.raises(Unauthenticated):
        world.draw("orders")
    world.look()
    assert not world.source.alive
    assert world.record().state is CredentialState.CLEARED


def test_what_the_other_system_refuses_leaves_nothing_to_kill(world):
    world.source.mint_fails = MintRefused("no such role")
    with pytest.raises(MintRefused):
        world.draw("orders")
    assert (world.record().state, world.record().problem) == (CredentialState.CLEARED, "no such role")


def test_what_may_have_been_made_is_killed(world):
    world.source.mint_fails = TimeoutError("swordfish")
    with pytest.raises(Unavailable) as unavailable:
        world.draw("orders")
    assert "swordfish" not in str(unavailable.value)
    world.look()
    assert not world.source.alive


def test_no_secret_is_written_shown_or_logged(world, caplog):
    caplog.set_level(logging.DEBUG)
    issued = world.draw("github")
    world.world.bump(agent_node("triage"))
    world.source.kill_fails = ValueError("swordfish")
    world.look()
    assert issued.secret["token"] == "swordfish"
    assert world.record().problem == "ValueError"
    for text in (repr(issued), caplog.text, world.everything_written()):
        assert "swordfish" not in text


def test_a_form_of_aws_is_refused_for_anything_else(world):
    with pytest.raises(InvalidBody):
        world.draw("orders", aws=True)
    assert not world.source.alive


def test_the_token_of_the_door_says_what_it_may_draw(world):
    issued = world.world.get(world.world.pod_token(), AUDIENCE)
    assert issued.lease.scopes == {"credential:orders", "credential:github", "credential:vault"}
    assert issued.lease.audience == AUDIENCE


def test_audit_names_agent_profile_and_reference(world):
    issued = world.draw("orders")
    event = next(e for e in world.world.events() if e.kind == "credentials")
    assert (event.principal, event.action, event.name) == ("agent:triage", "issue", issued.record.id)
    assert event.detail["profile"] == "orders"
    assert event.detail["reference"] == issued.record.reference


def outcomes(world):
    found = [e for e in world.world.events() if (e.kind, e.action) == ("credentials", "issue")]
    return [(e.outcome.value, e.reason) for e in reversed(found)]


def test_a_credential_is_on_record_as_unfinished_before_it_is_made_and_as_it_ended_before_anybody_has_it(world):
    world.draw("orders")
    assert outcomes(world) == [("error", "not_finished"), ("ok", "")]


def test_one_that_is_not_made_stays_an_error(world):
    world.source.mint_fails = MintRefused("no such role")
    with pytest.raises(MintRefused):
        world.draw("orders")
    assert outcomes(world) == [("error", "not_finished"), ("error", "no such role")]


def test_one_that_is_born_dead_was_not_issued(world):
    world.source.during = lambda: world.world.bump(agent_node("triage"))
    with pytest.raises(Unauthenticated):
        world.draw("orders")
    assert outcomes(world) == [("error", "not_finished"), ("denied", "lease_ended")]


def test_a_deleted_profile_ends_what_was_drawn(world):
    world.draw("orders")
    with world.store.begin() as unit:
        unit.objects.delete(Kind.CREDENTIAL_PROFILES, "orders")
        unit.nodes.bump(profile_node("orders"))
    world.look()
    assert not world.source.alive


def bound(world, key):
    proof = world.world.proofs.check(key.proof(world.world.now), "POST", TOKEN_URL, world.world.now)
    return world.token(proof=proof)


def proved(world, key, token):
    url = f"{ISSUER}/v1/credentials/orders"
    return world.world.proofs.check(
        key.proof(world.world.now, url=url, token=token), "POST", url, world.world.now, token
    )


def test_a_bound_token_draws_with_its_proof_and_with_each_proof_once(world):
    key, other = ClientKey(), ClientKey()
    token = bound(world, key)
    for proof in (None, proved(world, other, token)):
        with pytest.raises(Unauthenticated):
            world.draw("orders", token, proof=proof)
    with pytest.raises(Unauthenticated):  # a bearer token proves nothing
        world.draw("orders", proof=proved(world, key, token))
    assert not world.records()

    proof = proved(world, key, token)
    assert world.draw("orders", token, proof=proof).secret
    with pytest.raises(Unproven):
        world.draw("orders", token, proof=proof)
    assert len(world.records()) == 1
