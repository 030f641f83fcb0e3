"""Replicas that start together on an empty registry agree on one bootstrap token, and every one of them says which."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from tests.contract.samples import NOW

from leasehold.model.errors import Unauthenticated
from leasehold.model.principal import Role
from leasehold.model.trust import IssuerType, OidcSubject, TrustIssuer, WorkloadBinding
from leasehold.registry.bootstrap import TOKEN_TTL, First, Offer, bootstrap, check_bootstrap, offer_bootstrap

REPLICAS = 8
ISSUER = TrustIssuer(type=IssuerType.OIDC, issuer="https://idp.example", audiences=frozenset({"leasehold"}))
ADMIN = WorkloadBinding(trust_issuer="idp", role=Role.SECURITY_ADMIN, oidc=OidcSubject(subject="alice"))
FIRST = First(issuer_name="idp", issuer=ISSUER, bindings=[("alice", ADMIN)])


def start_together(store):
    barrier = Barrier(REPLICAS)

    def start(number):
        barrier.wait()
        return offer_bootstrap(store, f"lhb_{number}", NOW)

    with ThreadPoolExecutor(REPLICAS) as pool:
        return list(pool.map(start, range(REPLICAS)))


def works(store, token, now=NOW):
    try:
        check_bootstrap(store, token, now)
    except Unauthenticated:
        return False
    return True


def test_of_many_replicas_one_tells_its_token_and_the_others_know_that_it_stands(store):
    offers = start_together(store)

    [teller] = [number for number, offer in enumerate(offers) if offer.stands]
    assert {offer.expires_at for offer in offers} == {NOW + TOKEN_TTL}
    assert [number for number in range(REPLICAS) if works(store, f"lhb_{number}")] == [teller]
    bootstrap(store, f"lhb_{teller}", FIRST, NOW)
    assert not works(store, f"lhb_{teller}")


def test_a_replica_that_starts_later_leaves_the_token_that_works_alone(store):
    assert offer_bootstrap(store, "lhb_first", NOW) == Offer(NOW + TOKEN_TTL, stands=True)
    later = NOW + timedelta(minutes=14)

    assert offer_bootstrap(store, "lhb_second", later) == Offer(NOW + TOKEN_TTL, stands=False)
    assert works(store, "lhb_first", later)
    assert not works(store, "lhb_second", later)


def test_a_token_that_expired_gives_way(store):
    offer_bootstrap(store, "lhb_first", NOW)
    later = NOW + TOKEN_TTL

    assert offer_bootstrap(store, "lhb_second", later) == Offer(later + TOKEN_TTL, stands=True)
    assert works(store, "lhb_second", later)


def test_a_token_that_was_used_for_nothing_gives_way(store):
    offer_bootstrap(store, "lhb_first", NOW)
    agent = WorkloadBinding(trust_issuer="idp", agent="nobody", oidc=OidcSubject(subject="pod"))
    with pytest.raises(Exception, match="role"):
        bootstrap(store, "lhb_first", First(issuer_name="idp", issuer=ISSUER, bindings=[("x", agent)]), NOW)

    assert offer_bootstrap(store, "lhb_second", NOW).stands
    assert works(store, "lhb_second")


def test_who_asks_for_a_new_one_ends_the_other(store):
    offer_bootstrap(store, "lhb_lost", NOW)

    assert offer_bootstrap(store, "lhb_new", NOW, supersede=True).stands
    assert not works(store, "lhb_lost")
    assert works(store, "lhb_new")


def test_a_registry_that_trusts_somebody_offers_none_whatever_is_asked(store):
    offer_bootstrap(store, "lhb_first", NOW)
    bootstrap(store, "lhb_first", FIRST, NOW)

    for supersede in (False, True):
        assert offer_bootstrap(store, "lhb_again", NOW, supersede=supersede) is None
    assert not works(store, "lhb_again")


def test_spire_1_14_6_a_token_for_one_use_works_once_however_many_try_at_once(store):
    offer_bootstrap(store, "lhb_first", NOW)
    barrier = Barrier(REPLICAS)

    def use(_number):
        barrier.wait()
        try:
            return bootstrap(store, "lhb_first", FIRST, NOW)
        except Unauthenticated:
            return None

    with ThreadPoolExecutor(REPLICAS) as pool:
        used = list(pool.map(use, range(REPLICAS)))
    assert sum(one is not None for one in used) == 1


def test_a_bootstrap_in_flight_and_a_start_agree(store):
    offer_bootstrap(store, "lhb_first", NOW)
    barrier = Barrier(2)

    def use():
        barrier.wait()
        return bootstrap(store, "lhb_first", FIRST, NOW)

    def start():
        barrier.wait()
        return offer_bootstrap(store, "lhb_second", NOW)

    with ThreadPoolExecutor(2) as pool:
        used, offer = pool.submit(use), pool.submit(start)
        assert len(used.result()) == 2
        assert offer.result() in {None, Offer(NOW + TOKEN_TTL, stands=False)}
    assert not works(store, "lhb_second")
