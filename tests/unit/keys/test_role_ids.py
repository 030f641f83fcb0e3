"""Which role an AWS token speaks for: IAM is asked after the token is there, and a role made anew is another."""

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.simulated_iam import SimulatedRoles
from tests.fakes.simulated_issuer import SigningKey, SimulatedIssuer

from leasehold.authn.subjects import authenticate_subject, is_named_by, profile_of
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.network import Network
from leasehold.keys.role_ids import KEPT_SECONDS, SETTLED, RoleIds
from leasehold.keys.tokens import SubjectTokens
from leasehold.model.subjects import ROLE_ID_CLAIM, AwsSubject, IssuerType
from leasehold.model.tokens import Flaw, TokenRefused, UnverifiedToken
from leasehold.model.trust import TrustIssuer, WorkloadBinding

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/triage"
ACCOUNT = SimulatedIssuer.of("aws", clock=lambda: NOW, keys=[SigningKey.new("ES384")])
ISSUER = TrustIssuer(
    type=IssuerType.AWS,
    issuer=ACCOUNT.url,
    audiences=frozenset({ACCOUNT.audience}),
    algorithms=frozenset({"ES384"}),
    jwks=ACCOUNT.jwks(),
)


class Scene:
    """An account, a token service that asks its IAM, and the time of both."""

    def __init__(self, **bounds: int) -> None:
        self.roles, self.now = SimulatedRoles(), 0.0
        self.ids = RoleIds(self.roles, clock=lambda: self.now, **bounds)
        self.tokens = SubjectTokens(IssuerKeys(Network()), roles=self.ids)

    async def subject(self, token, issuer=ISSUER):
        return await authenticate_subject(
            UnverifiedToken(token), {ISSUER.issuer: [("account", issuer)]}, self.tokens, NOW
        )

    def is_let_in(self, token, pinned, issuer=ISSUER) -> bool:
        pins = AwsSubject(aws_account="123456789012", role_arn=ROLE, unique_id=pinned)
        return is_named_by(
            WorkloadBinding(trust_issuer="account", agent="triage", aws=pins),
            asyncio.run(self.subject(token, issuer)),
        )


@pytest.fixture
def scene():
    return Scene()


def token(issued_at=NOW, **changes):
    at = int(issued_at.timestamp())
    return ACCOUNT.altered({"iat": at, "nbf": at, "exp": at + 600, "jti": str(at), **changes})


def test_a_role_made_anew_under_the_same_name_does_not_get_in(scene):
    old = scene.roles.make(ROLE)
    assert scene.is_let_in(token(NOW - timedelta(minutes=9)), old.unique_id)

    scene.roles.make(ROLE, NOW - timedelta(minutes=5))

    assert not scene.is_let_in(token(), old.unique_id)


def test_a_token_of_the_role_before_does_not_get_in_as_its_successor(scene):
    """The name is bound anew, to the new role, while tokens of the old one are still good by their signature."""
    new = scene.roles.make(ROLE, NOW - timedelta(minutes=5))

    assert not scene.is_let_in(token(NOW - timedelta(minutes=6)), new.unique_id)
    assert not scene.is_let_in(token(NOW - timedelta(minutes=5) + SETTLED - timedelta(seconds=1)), new.unique_id)
    assert scene.is_let_in(token(NOW - timedelta(minutes=5) + SETTLED), new.unique_id)


def test_a_role_that_is_gone_gets_in_no_longer(scene):
    gone = scene.roles.make(ROLE)
    del scene.roles.roles[ROLE]

    assert not scene.is_let_in(token(), gone.unique_id)


def test_a_token_that_names_a_unique_id_itself_is_not_believed(scene):
    scene.roles.make(ROLE)
    forged = token(**{ROLE_ID_CLAIM: "AROAOTHERROLE12345678"})

    assert not scene.is_let_in(forged, "AROAOTHERROLE12345678")
    del scene.roles.roles[ROLE]
    assert not scene.is_let_in(token(**{ROLE_ID_CLAIM: "AROAOTHERROLE12345678", "jti": "x"}), "AROAOTHERROLE12345678")


def test_iam_that_does_not_answer_lets_nobody_in_and_is_asked_again(scene):
    role, scene.roles.down = scene.roles.make(ROLE), True
    with pytest.raises(TokenRefused) as refused:
        scene.is_let_in(token(), role.unique_id)
    assert refused.value.flaw is Flaw.KEYS_UNAVAILABLE

    scene.roles.down = False
    assert scene.is_let_in(token(), role.unique_id)


def test_without_iam_no_token_of_aws_is_accepted():
    tokens = SubjectTokens(IssuerKeys(Network()))
    unverified = tokens.read(UnverifiedToken(token()))
    with pytest.raises(TokenRefused) as refused:
        asyncio.run(tokens.verify(unverified, ISSUER, profile_of(ISSUER), NOW))
    assert refused.value.flaw is Flaw.KEYS_UNAVAILABLE


def test_iam_is_asked_as_the_reader_and_not_about_what_is_not_signed(scene):
    role, reader = scene.roles.make(ROLE), "arn:aws:iam::123456789012:role/reader"
    stranger = SimulatedIssuer.of("aws", clock=lambda: NOW, keys=[SigningKey.new("ES384")])
    stranger.keys[0].kid = ACCOUNT.keys[0].kid
    with pytest.raises(TokenRefused):
        scene.is_let_in(stranger.altered({}), role.unique_id)
    assert scene.roles.asked == []

    assert scene.is_let_in(token(), role.unique_id, replace(ISSUER, reader_role_arn=reader))
    assert scene.roles.asked == [(ROLE, reader)]


def test_what_iam_said_counts_for_the_same_token_alone_and_not_for_long(scene):
    old = scene.roles.make(ROLE)
    first, second = token(), token(jti="another")
    assert scene.is_let_in(first, old.unique_id)
    scene.roles.make(ROLE, NOW - timedelta(minutes=5))

    assert scene.is_let_in(first, old.unique_id)  # it was the old role's, and always will have been
    assert not scene.is_let_in(second, old.unique_id)
    scene.now += KEPT_SECONDS
    assert not scene.is_let_in(first, old.unique_id)


def test_a_crowd_of_tokens_of_one_role_costs_two_questions(scene):
    role = scene.roles.make(ROLE)
    begun, going = threading.Event(), threading.Event()
    scene.roles.meanwhile = lambda: (begun.set(), going.wait(5))

    async def crowd():
        asking = [asyncio.create_task(scene.subject(token(jti=str(n)))) for n in range(50)]
        await asyncio.to_thread(begun.wait, 5)
        going.set()
        return await asyncio.gather(*asking)

    subjects = asyncio.run(crowd())
    assert {one.identity.unique_id for one in subjects} == {role.unique_id}
    assert len(scene.roles.asked) <= 2


def test_who_comes_while_a_question_is_under_way_gets_the_answer_of_the_next(scene):
    """The answer under way may be of before the role was made anew; the late token may be the new role's."""
    old = scene.roles.make(ROLE)
    begun, going = threading.Event(), threading.Event()

    def under_way():
        begun.set()
        going.wait(5)

    scene.roles.meanwhile = under_way

    async def race():
        first = asyncio.create_task(scene.subject(token()))
        await asyncio.to_thread(begun.wait, 5)
        new = scene.roles.make(ROLE, NOW - timedelta(minutes=5))
        second = asyncio.create_task(scene.subject(token(jti="late")))
        await asyncio.sleep(0.01)
        going.set()
        return (await first).identity.unique_id, (await second).identity.unique_id, new.unique_id

    first, second, new = asyncio.run(race())
    assert first == old.unique_id
    assert second == new


@pytest.mark.parametrize("kind", ["user/triage", "assumed-role/triage/i-1"])
def test_who_is_no_role_costs_no_question(scene, kind):
    role = scene.roles.make(ROLE)
    assert not scene.is_let_in(token(sub=f"arn:aws:iam::123456789012:{kind}"), role.unique_id)
    assert scene.roles.asked == []


def test_what_is_remembered_is_bounded():
    scene = Scene(kept=3)
    for number in range(10):
        arn = f"{ROLE}-{number}"
        scene.roles.make(arn)
        subject = asyncio.run(scene.subject(token(sub=arn, jti=str(number))))
        assert subject.identity.unique_id == scene.roles.roles[arn].unique_id
    assert len(scene.ids._known) <= 3
    assert len(scene.ids._asked) <= 3
