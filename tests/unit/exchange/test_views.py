"""Of a trust issuer's bindings, an exchange looks at the few that may name its subject, and forgets none of those."""

import asyncio
from dataclasses import replace

import pytest
from tests.fakes.exchange_world import GITHUB_PINS, KUBERNETES_PINS

from leasehold.authn.subjects import authenticate_subject
from leasehold.exchange.refusals import ExchangeReason, ExchangeRefused
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.network import Network
from leasehold.keys.tokens import SubjectTokens
from leasehold.model.leases import REGISTRY, binding_node


def near(world, token):
    async def found():
        pieces = world.views.pieces
        issuers = await world.views.issuers(pieces)
        subject = await authenticate_subject(token, issuers, SubjectTokens(IssuerKeys(Network())), world.now)
        return (await world.views.bindings(pieces, subject.trust_issuer)).near(subject)

    return set(asyncio.run(found()))


def test_bindings_of_other_accounts_are_not_looked_at(world):
    for name in ("one", "two", "three"):
        pins = replace(KUBERNETES_PINS, service_account=name)
        world.bind(f"{name}-pods", trust_issuer="cluster", agent="triage", kubernetes=pins)
    assert near(world, world.pod_token()) == {"triage-pods"}


def test_bindings_that_pin_more_of_the_same_account_are_all_looked_at(world):
    uid = "0f3f9d6c-0000-4000-8000-000000000000"
    strict = replace(KUBERNETES_PINS, service_account_uid=uid, any_uid=False)
    world.bind("strict", trust_issuer="cluster", agent="triage", kubernetes=strict)
    assert near(world, world.pod_token()) == {"triage-pods", "strict"}


def test_a_binding_of_another_kind_of_issuer_is_near_nobody_of_this_one(world):
    world.bind("misplaced", trust_issuer="cluster", agent="triage", github_actions=GITHUB_PINS)
    assert near(world, world.pod_token()) == {"triage-pods"}


def test_an_account_that_nobody_bound_has_no_binding_near_it(world):
    token = world.cluster.service_account_token("shop", "stranger")
    assert near(world, token) == set()
    with pytest.raises(ExchangeRefused) as refused:
        world.get(token)
    assert refused.value.reason is ExchangeReason.NO_BINDING


def test_a_lease_hangs_on_the_one_binding_that_was_chosen(world):
    world.bind(
        "other-pods",
        trust_issuer="cluster",
        agent="triage",
        kubernetes=replace(KUBERNETES_PINS, service_account="other"),
    )
    nodes = {ancestor.node for ancestor in world.get(world.pod_token()).lease.ancestors}
    assert {REGISTRY, binding_node("triage-pods")} <= nodes
    assert binding_node("other-pods") not in nodes
