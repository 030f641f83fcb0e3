"""Corners of single kinds of issuer that no vector reaches, because something before would refuse the token."""

from datetime import UTC, datetime

import pytest
from tests.fakes.simulated_issuer import VECTORS

from leasehold.authn import aws_sts, gitlab, spiffe
from leasehold.model.subjects import AwsStsSubject
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALLER = {
    "Account": "123456789012",
    "UserId": "AROAEXAMPLEROLEID1234:i-1",
    "Arn": "arn:aws:sts::123456789012:assumed-role/triage/i-1",
}


def verified(claims, issuer="https://x.example", subject="s") -> VerifiedClaims:
    return VerifiedClaims(
        issuer=issuer,
        subject=subject,
        audience="a",
        issued_at=NOW,
        expires_at=NOW,
        token_id=None,
        digest="",
        claims=claims,
    )


def flaw(identify, *arguments, **named) -> Flaw:
    with pytest.raises(TokenRefused) as refused:
        identify(verified(*arguments, **named))
    return refused.value.flaw


def test_the_session_name_that_a_caller_chooses_is_no_part_of_the_unique_id():
    pins = AwsStsSubject(aws_account="123456789012", unique_id="AROAEXAMPLEROLEID1234")

    assert aws_sts.unmet(pins, aws_sts.identify(verified(CALLER))) == ()
    other = {**CALLER, "UserId": "AROAANOTHERROLEID1234:AROAEXAMPLEROLEID1234"}
    assert aws_sts.unmet(pins, aws_sts.identify(verified(other))) == ("unique_id",)


@pytest.mark.parametrize("missing", CALLER)
def test_an_answer_of_sts_without_one_of_its_parts_is_refused(missing):
    assert flaw(aws_sts.identify, {**CALLER, missing: ""}) is Flaw.BAD_CLAIM


def test_a_ref_is_protected_or_not_and_nothing_between():
    assert flaw(gitlab.identify, {**VECTORS["gitlab"]["claims"], "ref_protected": "maybe"}) is Flaw.BAD_CLAIM


def test_a_trust_domain_speaks_for_its_own_workloads_alone():
    stranger = "spiffe://acme.example.evil/shop/triage"

    assert flaw(spiffe.identify, {}, "spiffe://acme.example", stranger) is Flaw.WRONG_ISSUER
    assert flaw(spiffe.identify, {}, "https://spire.acme.example", "triage") is Flaw.BAD_CLAIM
    assert spiffe.identify(verified({}, "https://spire.acme.example", stranger)).spiffe_id == stranger
