"""People and pipelines become platform principals: role, teams, stack, and whether they may write."""

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from tests.fakes.exchange_world import GITHUB_PINS, REGISTRY_AUDIENCE
from tests.fakes.simulated_issuer import pull_request

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.errors import Unauthenticated
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, binding_node, lease_node
from leasehold.model.principal import Principal, Role
from leasehold.model.trust import GitHubActionsSubject


def principal(world, token, **options) -> Principal:
    return world.callers.authenticate(world.get(token, REGISTRY_AUDIENCE, **options).access_token, world.now)


def test_a_pipeline_gets_the_role_of_its_binding_on_one_stack(world):
    issued = world.get(world.github.token(), REGISTRY_AUDIENCE)

    assert issued.stack == "shop-prod"
    assert issued.lease.scopes == {"registry:read", "registry:write"}
    assert world.callers.authenticate(issued.access_token, world.now) == Principal(
        id="github-actions:ci-shop",
        role=Role.DEVELOPER,
        teams=frozenset({"shop"}),
        stack="shop-prod",
        plan_only=False,
        lease=issued.lease.id,
    )


def test_a_person_is_named_by_their_binding(world):
    alice = principal(world, world.people.token())

    assert (alice.id, alice.role, alice.stack) == ("oidc:alice", Role.SECURITY_ADMIN, None)


def test_both_forms_of_githubs_sub_are_the_same_run(world):
    old = principal(world, world.github.token(sub="repo:acme/web:ref:refs/heads/main"))
    new = principal(world, world.github.token(sub="repo:acme@4211/web@99017:ref:refs/heads/main"))

    assert old.id == new.id


def test_a_pull_request_may_read_and_never_write(world):
    token = world.github.token(**pull_request())
    issued = world.get(token, REGISTRY_AUDIENCE)

    assert issued.lease.scopes == {"registry:read"}
    assert world.callers.authenticate(issued.access_token, world.now).plan_only
    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.github.token(**pull_request()), REGISTRY_AUDIENCE, scopes=frozenset({"registry:write"}))
    assert refused.value.code == "invalid_scope"


def test_asking_for_reading_alone_gives_a_principal_that_only_plans(world):
    assert principal(world, world.github.token(), scopes=frozenset({"registry:read"})).plan_only


def test_a_pull_request_of_another_repository_gets_nothing(world):
    with pytest.raises(ExchangeRefused):
        world.get(world.github.token(**pull_request(), repository_id="1"), REGISTRY_AUDIENCE)


def test_several_stacks_need_to_be_told_apart(world):
    pins = replace(GITHUB_PINS, ref="refs/heads/main")
    world.bind("ci-admin", trust_issuer="github", role=Role.SECURITY_ADMIN, stack="platform", github_actions=pins)

    with pytest.raises(ExchangeRefused) as refused:
        world.get(world.github.token(), REGISTRY_AUDIENCE)
    assert refused.value.reason == "ambiguous_binding"
    assert principal(world, world.github.token(), stack="platform").role is Role.SECURITY_ADMIN
    with pytest.raises(ExchangeRefused):
        world.get(world.github.token(), REGISTRY_AUDIENCE, stack="other")


def test_a_registry_token_lives_five_minutes_at_most_and_not_beyond_its_subject(world):
    lease = world.get(world.github.token(), REGISTRY_AUDIENCE).lease
    assert lease.expires_at == world.now.replace(microsecond=0) + timedelta(seconds=300)

    soon = world.github.token(exp=int(world.now.timestamp()) + 20)
    assert world.get(soon, REGISTRY_AUDIENCE).lease.expires_at == lease.issued_at + timedelta(seconds=20)
    ending = world.github.token(exp=int(world.now.timestamp()) + 1)
    with pytest.raises(ExchangeRefused):
        world.get(ending, REGISTRY_AUDIENCE)


def test_a_registry_token_hangs_on_the_registry_and_its_binding(world):
    claims = jwt.decode(
        world.get(world.github.token(), REGISTRY_AUDIENCE).access_token, options={"verify_signature": False}
    )

    assert claims["urn:leasehold:lease"]["anc"] == [["registry", 1], ["binding:ci-shop", 1]]
    assert claims["urn:leasehold:platform"] == {
        "role": "developer",
        "teams": ["shop"],
        "stack": "shop-prod",
        "plan_only": False,
    }
    assert claims["client_id"] == claims["sub"] == "github-actions:ci-shop"


def end_binding(world, _lease):
    world.delete(Kind.WORKLOAD_BINDINGS, "ci-shop")


def end_by_node(world, lease):
    world.bump(lease_node(lease.id))


def end_registry(world, _lease):
    world.bump(REGISTRY)


def end_by_revocation(world, lease):
    with world.store.begin() as unit:
        unit.leases.revoke(lease.id, world.now)


def expire(world, _lease):
    world.later(seconds=300)


def forget_lease(world, _lease):
    with world.store.begin() as unit:
        unit.leases.forget(world.now + timedelta(days=1))


@pytest.mark.parametrize(
    "ending",
    [end_binding, end_by_node, end_registry, end_by_revocation, expire, forget_lease],
    ids=lambda e: e.__name__,
)
def test_a_registry_token_dies_with_whatever_it_hangs_on(world, ending):
    issued = world.get(world.github.token(), REGISTRY_AUDIENCE)
    assert world.callers.authenticate(issued.access_token, world.now)
    ending(world, issued.lease)

    with pytest.raises(Unauthenticated, match="the bearer token was not accepted"):
        world.callers.authenticate(issued.access_token, world.now)


def test_an_agents_token_is_no_key_to_the_registry(world):
    with pytest.raises(Unauthenticated):
        world.callers.authenticate(world.get(world.pod_token()).access_token, world.now)


def test_a_subject_token_is_no_key_to_the_registry(world):
    for token in (world.github.token(), world.people.token(), "junk", ""):
        with pytest.raises(Unauthenticated):
            world.callers.authenticate(token, world.now)


def test_the_node_of_a_binding_is_the_one_the_registry_bumps(world):
    lease = world.get(world.github.token(), REGISTRY_AUDIENCE).lease

    assert lease.ancestors[-1].node == binding_node("ci-shop")


def test_only_who_may_admit_is_said_to(world):
    pins = GitHubActionsSubject(repository_id="99017", repository_owner_id="4211", environment="prod")
    world.bind(
        "platform-ci",
        trust_issuer="github",
        role=Role.SECURITY_ADMIN,
        stack="platform",
        may_admit=True,
        github_actions=pins,
    )
    admits = principal(world, world.github.token(environment="prod"), stack="platform")
    assert (admits.stack, admits.may_admit) == ("platform", True)
    assert not principal(world, world.github.token(), stack="shop-prod").may_admit
