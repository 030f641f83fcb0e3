"""A token of an issuer whose tokens are for one use: the first exchange wins, whoever else presents it."""

from datetime import timedelta

import pytest
from tests.fakes.exchange_world import KUBERNETES_PINS, signing_key, together
from tests.fakes.simulated_issuer import SimulatedIssuer

from leasehold.exchange.issuing import Issued
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.kinds import Kind
from leasehold.model.tokens import LEEWAY
from leasehold.model.trust import IssuerType


@pytest.fixture
def once(world):
    """The world, with a cluster whose tokens are for one use."""
    world.trust("cluster", world.cluster, IssuerType.KUBERNETES, single_use=True)
    return world


def refused(world, token) -> str:
    with pytest.raises(ExchangeRefused) as error:
        world.get(token)
    assert (error.value.code, str(error.value)) == ("invalid_grant", "the subject token was not accepted")
    return error.value.reason


def test_a_token_for_one_use_is_refused_the_second_time(once):
    token = once.pod_token()
    assert once.get(token)

    assert refused(once, token) == "replayed"
    event = once.events()[0]
    assert (event.outcome, event.reason, event.name) == ("denied", "replayed", "")


def test_a_token_used_fifty_times_at_once_succeeds_exactly_once(once):
    token = once.pod_token()
    results = together(*(once.ask(token) for _ in range(50)))

    assert sum(isinstance(result, Issued) for result in results) == 1
    assert {result.reason for result in results if not isinstance(result, Issued)} == {"replayed"}
    with once.store.read() as unit:
        assert len(unit.leases._leases) == 1


def test_the_same_id_in_a_token_signed_again_is_a_replay(once):
    assert once.get(once.pod_token(jti="same"))

    assert refused(once, once.pod_token(jti="same", nbf=None)) == "replayed"


def test_the_same_id_of_another_issuer_is_not(once):
    other = SimulatedIssuer.kubernetes("https://other.example", clock=lambda: once.now, keys=[signing_key("other")])
    once.trust("other", other, IssuerType.KUBERNETES, single_use=True)
    once.bind("triage-elsewhere", trust_issuer="other", agent="triage", kubernetes=KUBERNETES_PINS)
    assert once.get(once.pod_token(jti="same"))

    assert once.get(other.token(jti="same"))


def test_a_token_without_an_id_is_known_by_what_was_signed(once):
    token = once.pod_token(jti=None)
    assert once.get(token)

    assert refused(once, token) == "replayed"
    assert once.get(once.pod_token(jti=None, exp=int(once.now.timestamp()) + 500))


def test_a_refused_exchange_uses_nothing_up(once):
    token = once.pod_token()
    with pytest.raises(ExchangeRefused):
        once.get(token, "https://unknown.example")
    once.store.full = True
    with pytest.raises(Exception, match="disk is full"):
        once.get(token)
    once.store.full = False

    assert once.get(token)


def test_a_use_is_remembered_past_the_expiry_by_the_leeway(once):
    token = once.pod_token(jti="same")
    issued_until = once.now.replace(microsecond=0).timestamp() + once.cluster.ttl
    assert once.get(token)
    with once.store.read() as unit:
        assert [at.timestamp() for at in unit.replays._uses.values()] == [issued_until + LEEWAY.total_seconds()]


def test_a_token_may_be_used_again_where_the_issuer_allows_it(world):
    token = world.pod_token()

    assert world.get(token).lease.id != world.get(token).lease.id


def test_a_stale_decision_uses_nothing_up(once):
    once.get(once.pod_token())
    bumps = ["agent:triage"]

    def revoke_once():
        while bumps:
            once.bump(bumps.pop())

    once.mint.meanwhile = revoke_once
    assert once.get(once.pod_token())


def test_a_binding_deleted_meanwhile_gives_nothing(once):
    once.get(once.pod_token())
    once.mint.meanwhile = lambda: once.delete(Kind.WORKLOAD_BINDINGS, "triage-pods")

    assert refused(once, once.pod_token()) == "no_binding"


def test_a_clock_that_leaps_ahead_and_back_makes_no_token_good_again(world):
    world.trust("cluster", world.cluster, IssuerType.KUBERNETES, single_use=True)
    token = world.pod_token()
    assert world.exchange_form(token).status == 200
    for hours in (1, 2):
        world.now += timedelta(hours=hours)
        world.leapt += hours * 3600
        assert (
            world.exchange_form("a.b.c").status == 400
        )  # is on record, and whatever is over by then would be forgotten
    world.now -= timedelta(seconds=world.leapt)
    world.leapt = 0.0

    assert world.exchange_form(token).json["error"] == "invalid_grant"
