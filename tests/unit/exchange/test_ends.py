"""What was issued ends with what it was issued on: at the next introspection and the next exchange."""

import asyncio
import base64
import hashlib

import pytest
from tests.fakes.exchange_world import GRANT, REGISTRY_AUDIENCE, together

from leasehold.exchange.ledger import Issue, Root
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.errors import Unauthenticated, Unavailable
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, agent_node, binding_node, deployment_node, lease_node, owner_node
from leasehold.model.principal import Role
from leasehold.model.trust import IssuerType, OidcSubject

INACTIVE = {"active": False}


def test_introspection_says_what_the_token_says(world):
    issued = world.get(world.pod_token())
    answer = world.introspect(issued.access_token)

    assert answer["active"] is True
    assert answer["token_type"] == "Bearer"
    assert (answer["sub"], answer["client_id"], answer["jti"]) == ("agent:triage", "triage", issued.lease.id)
    assert answer["scope"] == "mcp:tool:comment:write mcp:tool:read_file:read"


@pytest.mark.parametrize(
    "node",
    [
        REGISTRY,
        owner_node("alice"),
        agent_node("triage"),
        deployment_node("triage-prod"),
        binding_node("triage-pods"),
    ],
)
def test_a_revoked_ancestor_ends_the_token(world, node):
    issued = world.get(world.pod_token())
    assert world.introspect(issued.access_token)["active"]
    world.bump(node)

    assert world.introspect(issued.access_token) == INACTIVE
    assert world.introspect(world.get(world.pod_token()).access_token)["active"]


def test_another_agents_end_is_none_of_ours(world):
    issued = world.get(world.pod_token())
    world.bump(agent_node("digest"))

    assert world.introspect(issued.access_token)["active"]


def test_one_lease_can_end_alone(world):
    ended, kept = world.get(world.pod_token()), world.get(world.pod_token())
    world.bump(lease_node(ended.lease.id))

    assert world.introspect(ended.access_token) == INACTIVE
    assert world.introspect(kept.access_token)["active"]


def test_a_token_can_be_given_back(world):
    issued = world.get(world.pod_token())
    world.revoke(issued.access_token)

    assert world.introspect(issued.access_token) == INACTIVE
    event = world.events()[1]
    assert (event.action, event.principal, event.name) == ("revoke", "agent:triage", issued.lease.id)


def test_a_registry_token_can_be_given_back(world):
    token = world.registry_token()
    world.revoke(token)

    with pytest.raises(Unauthenticated):
        world.callers.authenticate(token, world.now)


def test_giving_back_what_was_never_issued_changes_nothing(world):
    before = len(world.events())
    for token in ("", "junk", world.pod_token()):
        world.revoke(token)

    assert len(world.events()) == before


def test_a_clock_that_went_back_ends_nothing_and_says_so(world):
    token = world.get(world.pod_token()).access_token
    world.later(hours=-1)
    with pytest.raises(Unavailable):
        world.revoke(token)
    world.revoke(token[:-4] + "AAAA")  # whose signature is not ours is none of our business, whatever the clock says
    world.later(hours=1)
    assert world.introspect(token)["active"] is True


def test_an_expired_token_is_inactive_to_the_second(world):
    issued = world.get(world.pod_token())
    world.later(seconds=299)
    assert world.introspect(issued.access_token)["active"]
    world.later(seconds=1)

    assert world.introspect(issued.access_token) == INACTIVE


@pytest.mark.parametrize("token", ["", "junk", "a.b.c"])
def test_what_is_no_token_of_ours_is_inactive(world, token):
    assert world.introspect(token) == INACTIVE
    assert world.introspect(world.pod_token()) == INACTIVE


def test_a_second_spelling_of_a_signature_is_not_the_token_that_was_issued(world):
    # ECDSA: (r, n - s) verifies wherever (r, s) does.
    issued = world.get(world.pod_token())
    with world.store.read() as unit:
        lease = unit.leases.find(issued.lease.id)
    assert lease.token_sha256 == hashlib.sha256(issued.access_token.encode()).hexdigest()
    signing_input, _, signature = issued.access_token.rpartition(".")
    other = f"{signing_input}.{respelled(signature)}"

    assert world.introspect(other) == INACTIVE
    world.revoke(other)
    assert world.introspect(issued.access_token) == INACTIVE


def respelled(signature: str) -> str:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    raw = base64.urlsafe_b64decode(signature + "==")
    s = order - int.from_bytes(raw[32:])
    return base64.urlsafe_b64encode(raw[:32] + s.to_bytes(32)).rstrip(b"=").decode()


def test_only_a_registry_token_may_introspect(world):
    agent = world.get(world.pod_token()).access_token
    for caller in ("junk", agent, world.people.token()):
        with pytest.raises(Unauthenticated):
            world.introspect(agent, bearer=caller)


def test_a_caller_whose_lease_ended_may_not_introspect(world):
    caller = world.registry_token()
    world.bump(binding_node("alice"))

    with pytest.raises(Unauthenticated):
        world.introspect(world.get(world.pod_token()).access_token, bearer=caller)


def test_a_token_exchanged_while_its_deployment_is_destroyed_is_not_issued(world):
    """The destroy commits after the decision and before the lease is written."""
    world.get(world.pod_token())
    world.mint.meanwhile = lambda: world.delete(Kind.DEPLOYMENTS, "triage-prod")
    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.pod_token())
    assert refused.value.reason == "no_deployment"


def test_a_revocation_during_an_exchange_is_never_overtaken(world):
    bumps = [agent_node("triage")]

    def revoke_once():
        while bumps:
            world.bump(bumps.pop())

    world.get(world.pod_token())
    world.mint.meanwhile = revoke_once
    issued = world.get(world.pod_token())

    assert [a.generation for a in issued.lease.ancestors if a.node == "agent:triage"] == [2]
    assert world.introspect(issued.access_token)["active"]


def test_a_registry_that_never_rests_answers_that_it_is_unavailable(world):
    world.mint.meanwhile = lambda: world.bump(agent_node("triage"))
    with pytest.raises(Unavailable):
        world.get(world.pod_token())


def test_a_grant_taken_away_before_the_view_is_read_again_is_not_issued(world):
    world.get(world.pod_token())
    with world.store.begin() as unit:  # as the registry does: the grant goes and the agent's node is bumped
        unit.objects.delete(Kind.GRANTS, GRANT.id)
        unit.nodes.bump(agent_node("triage"))

    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.pod_token())
    assert refused.value.reason == "nothing_granted"


def test_a_node_that_was_never_written_gets_its_first_generation(world):
    with world.store.begin() as unit:
        unit.nodes._generations.clear()

    assert {a.generation for a in world.get(world.pod_token()).lease.ancestors} == {1}


def test_leases_and_uses_are_forgotten_when_nothing_can_need_them(world):
    world.trust("cluster", world.cluster, IssuerType.KUBERNETES, single_use=True)
    old = world.get(world.pod_token()).lease
    world.later(hours=23)
    world.get(world.pod_token())
    with world.store.read() as unit:
        assert unit.leases.find(old.id)
        assert len(unit.replays._uses) == 1  # the older token could not be presented again
    world.later(hours=2)
    world.get(world.pod_token())

    with world.store.read() as unit:
        assert unit.leases.find(old.id) is None


def test_forgetting_is_not_tried_with_every_exchange(world):
    world.trust("cluster", world.cluster, IssuerType.KUBERNETES, single_use=True)
    brief = world.pod_token(exp=int(world.now.timestamp()) + 10)
    world.get(brief)
    world.later(seconds=55)
    world.get(world.pod_token())

    with world.store.read() as unit:
        assert len(unit.replays._uses) == 2


def test_nothing_is_issued_when_the_store_is_away(world):
    world.get(world.pod_token())
    world.store.away = True
    with pytest.raises(Unavailable):
        world.get(world.pod_token())
    with pytest.raises(Unavailable):
        world.get("junk")


def test_nothing_is_issued_when_the_event_cannot_be_recorded(world):
    world.store.full = True
    with pytest.raises(Unavailable):
        world.get(world.pod_token())

    with world.store.read() as unit:
        assert unit.leases._leases == {}


def test_a_registry_caller_with_a_stale_view_is_not_turned_away(world):
    world.get(world.people.token(), REGISTRY_AUDIENCE)
    world.delete(Kind.WORKLOAD_BINDINGS, "alice")
    with pytest.raises(ExchangeRefused):
        world.get(world.people.token(), REGISTRY_AUDIENCE)
    world.bind("alice", trust_issuer="people", role=Role.VIEWER, oidc=OidcSubject(subject="00u1alice"))
    assert world.get(world.people.token(), REGISTRY_AUDIENCE)


def test_entries_of_the_ledger_show_no_token(world):
    issued = world.get(world.pod_token())

    assert issued.access_token not in repr(Issue) + repr(Root(()))


def test_what_somebody_else_forgot_is_not_forgotten_again(world):
    seen = world.views.pieces
    asyncio.run(world.views.forget(seen))
    fresh = world.views.pieces
    assert fresh is not seen
    asyncio.run(world.views.forget(seen))

    assert world.views.pieces is fresh
    assert asyncio.run(world.views.refresh(seen))
    assert world.views.pieces is fresh


def test_callers_at_once_read_the_registry_once(world):
    reads = []
    reading = world.store._store.read

    def counted():
        reads.append(1)
        return reading()

    world.store._store.read = counted
    issued = together(*(world.ask(world.pod_token()) for _ in range(30)))

    assert len({one.lease.id for one in issued}) == 30
    assert len(reads) < 30
