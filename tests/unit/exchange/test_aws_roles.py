"""Roles of AWS through the whole token service: the name alone gets nobody in, and simulation says so."""

import asyncio
from datetime import timedelta

import pytest
from tests.fakes.exchange_world import signing_key
from tests.fakes.simulated_issuer import SimulatedIssuer

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.exchange.simulation import Simulation
from leasehold.keys.examination import SubjectExamination
from leasehold.model.principal import Principal, Role
from leasehold.model.subjects import AwsSubject, IssuerType
from leasehold.model.tokens import UnverifiedToken
from leasehold.policy.platform import PlatformAction, decide_platform

ROLE = "arn:aws:iam::123456789012:role/triage"


@pytest.fixture
def account(world):
    """An account whose role `triage` is bound."""
    issuer = SimulatedIssuer.of("aws", clock=lambda: world.now, keys=[signing_key("vector-aws", "ES384")])
    world.trust("account", issuer, IssuerType.AWS, algorithms=frozenset({"ES384"}))
    role = world.roles.make(ROLE)
    pins = AwsSubject(aws_account="123456789012", role_arn=ROLE, unique_id=role.unique_id)
    world.bind("role", trust_issuer="account", agent="triage", aws=pins)
    return issuer


def simulate(world, token):
    admin = decide_platform(
        Principal(id="oidc:admin", role=Role.SECURITY_ADMIN), PlatformAction.SIMULATE, "trust-issuers"
    )
    examiner = SubjectExamination(world.subjects, world.issuer_keys)
    return asyncio.run(Simulation(examiner, world.views).simulate(admin, UnverifiedToken(token), world.now))


def test_a_role_made_anew_is_refused_like_any_stranger(world, account):
    assert world.get(account.altered({})).lease.agent == "triage"

    world.roles.make(ROLE, world.now - timedelta(minutes=5))
    with pytest.raises(ExchangeRefused) as refused:
        world.get(account.altered({"jti": "again"}))
    assert refused.value.reason.value == "no_binding"


def test_simulation_tells_that_the_arn_is_a_name_and_that_another_role_holds_it(world, account):
    (bound,) = simulate(world, account.altered({})).bindings
    assert (bound.matches, bound.mutable) == (True, ("role_arn",))

    world.roles.make(ROLE, world.now - timedelta(minutes=5))
    (missed,) = simulate(world, account.altered({"jti": "again"})).bindings
    assert [one.claim for one in missed.failed] == ["unique_id"]
    assert missed.failed[0].found == "another text of 21 characters"

    del world.roles.roles[ROLE]
    (gone,) = simulate(world, account.altered({"jti": "and again"})).bindings
    assert [(one.claim, one.found) for one in gone.failed] == [("unique_id", "absent")]


def test_simulation_tells_of_an_old_token_too_and_that_iam_was_silent(world, account):
    old = account.altered({})
    world.now += timedelta(hours=1)
    report = simulate(world, old)
    assert report.flaws == ("expired",)
    assert report.bindings[0].matches

    world.roles.down = True
    report = simulate(world, account.altered({"jti": "again"}))
    assert report.signature
    assert report.flaws == ("keys_unavailable",)
    assert [one.claim for one in report.bindings[0].failed] == ["unique_id"]
