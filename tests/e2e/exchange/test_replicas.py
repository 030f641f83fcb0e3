"""What must hold between replicas on a real database."""

import asyncio

import pytest
from tests.fakes.exchange_world import signing_key, together

from leasehold.exchange.issuing import Issued
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.kinds import Kind
from leasehold.model.leases import agent_node
from leasehold.model.trust import IssuerType


def test_a_token_used_fifty_times_at_two_replicas_succeeds_exactly_once(replicas):
    one, other = replicas
    one.trust("cluster", one.cluster, IssuerType.KUBERNETES, single_use=True)
    for _ in range(3):
        token = one.pod_token()
        results = together(*(replica.ask(token) for _ in range(25) for replica in replicas))
        issued = [result for result in results if isinstance(result, Issued)]
        refused = [result.reason for result in results if isinstance(result, ExchangeRefused)]

        assert len(issued) == 1
        assert refused == ["replayed"] * 49
        assert other.introspect(issued[0].access_token)["active"]


def test_a_token_of_one_replica_lives_and_dies_at_the_other(replicas):
    one, other = replicas
    issued = one.get(one.pod_token())
    caller = other.registry_token()
    assert other.introspect(issued.access_token, caller)["active"]
    one.bump(agent_node("triage"))

    assert other.introspect(issued.access_token, caller) == {"active": False}


def test_a_destroy_at_one_replica_is_seen_by_the_next_exchange_at_the_other(replicas):
    one, other = replicas
    assert other.get(other.pod_token())
    one.delete(Kind.DEPLOYMENTS, "triage-prod")

    with pytest.raises(ExchangeRefused) as refused:
        other.get(other.pod_token())
    assert refused.value.reason == "no_deployment"


def test_exchanges_during_destroys_are_refused_or_dead(replicas):
    """Whatever the order, no token lives that was exchanged on a deployment which is gone."""
    one, other = replicas
    caller = one.registry_token()
    for _ in range(5):

        async def race():
            asks = [asyncio.create_task(replica.ask(replica.pod_token())) for replica in replicas for _ in range(8)]
            await asyncio.sleep(0.003)
            await asyncio.to_thread(one.delete, Kind.DEPLOYMENTS, "triage-prod")
            return await asyncio.gather(*asks, return_exceptions=True)

        for result in asyncio.run(race()):
            if isinstance(result, Issued):
                assert other.introspect(result.access_token, caller) == {"active": False}
            else:
                assert isinstance(result, ExchangeRefused)
        one.populate()


def test_many_exchanges_at_once_are_all_written(replicas):
    one, other = replicas
    results = together(*(replica.ask(replica.pod_token()) for _ in range(60) for replica in replicas))

    assert all(isinstance(result, Issued) for result in results), [r for r in results if not isinstance(r, Issued)]
    with one.store.read() as unit:
        found = unit.leases.find_all({result.lease.id for result in results})
    assert found == {result.lease.id: result.lease for result in results}
    assert sum(event.action == "exchange" for event in other.events()) == 120


def test_a_lease_is_found_by_its_id_and_revoked_once(replicas):
    one, _ = replicas
    lease = one.get(one.pod_token()).lease
    with one.store.begin() as unit:
        assert unit.leases.find(lease.id) == lease
        unit.leases.revoke(lease.id, one.now)
    one.later(seconds=5)
    with one.store.begin() as unit:
        unit.leases.revoke(lease.id, one.now)
        unit.leases.revoke("unknown", one.now)
        assert (one.now - unit.leases.find(lease.id).revoked_at).total_seconds() == 5


def test_a_rotation_at_one_replica_is_used_by_the_other(replicas):
    one, other = replicas
    before = one.get(one.pod_token())
    one.signer.rotate(one.now)
    after = other.get(other.pod_token())
    caller = one.registry_token()

    assert other.introspect(before.access_token, caller)["active"]
    assert one.introspect(after.access_token, caller)["active"]


def test_a_bad_neighbour_in_a_batch_harms_nobody(replicas):
    """PostgreSQL takes no NUL in text: a subject that carries one is refused before it gets there."""
    one, _ = replicas
    bad = one.people.token(sub="00u1\x00alice")
    results = together(*(one.ask(token) for token in [one.pod_token(), bad, one.pod_token()]))

    assert [type(result) for result in results] == [Issued, ExchangeRefused, Issued]


def test_keys_of_the_test_issuers_are_shared():
    assert signing_key("cluster") is signing_key("cluster")
