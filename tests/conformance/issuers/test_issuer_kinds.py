"""Every kind of issuer, with tokens of its documented shape: the bound subject is let in, every other is not."""

import pytest
from tests.conformance.issuers.conftest import IssuerWorld
from tests.fakes.simulated_issuer import VECTORS

from leasehold.authn.subjects import KINDS
from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.subjects import IssuerType

ISSUED = sorted(VECTORS)


def cases(what):
    return [pytest.param(kind, one, id=f"{kind}: {one['why']}") for kind in ISSUED for one in VECTORS[kind][what]]


def refusal(act) -> str:
    with pytest.raises(ExchangeRefused) as refused:
        act()
    return refused.value.reason.value


def test_every_kind_is_known_to_authentication_and_has_vectors():
    assert set(KINDS) == set(IssuerType)
    assert set(VECTORS) | {"aws-sts"} == {kind.value for kind in IssuerType}  # a signed request is no JWT


@pytest.mark.parametrize("kind", ISSUED)
def test_the_bound_subject_becomes_the_agent_and_takes_the_role(world, kind):
    bound = IssuerWorld(world, kind)

    assert bound.agent_token({})
    assert bound.scopes({}) == {"registry:read", "registry:write"}


@pytest.mark.parametrize(("kind", "case"), cases("accepted"))
def test_what_may_change_does_not_matter(world, kind, case):
    assert IssuerWorld(world, kind).agent_token(case["changes"])


@pytest.mark.parametrize(("kind", "case"), cases("refused"))
def test_another_subject_is_refused(world, kind, case):
    bound = IssuerWorld(world, kind)

    assert refusal(lambda: bound.agent_token(case["changes"])) == case["reason"]
    assert refusal(lambda: bound.scopes(case["changes"])) == case["reason"]


@pytest.mark.parametrize(("kind", "case"), cases("proposing"))
def test_what_nobody_accepted_yet_may_plan_and_never_act(world, kind, case):
    bound = IssuerWorld(world, kind)

    assert refusal(lambda: bound.agent_token(case["changes"])) == "unmerged_code"
    assert bound.scopes(case["changes"]) == {"registry:read"}


@pytest.mark.parametrize("kind", ISSUED)
@pytest.mark.parametrize("audience", ["https://other.example", ["https://leasehold.example", "https://other.example"]])
def test_a_token_for_another_audience_is_refused(world, kind, audience):
    bound = IssuerWorld(world, kind)

    assert refusal(lambda: bound.agent_token({"aud": audience})) == "wrong_audience"


@pytest.mark.parametrize("kind", ISSUED)
def test_the_same_subject_of_another_issuer_is_refused(world, kind):
    bound = IssuerWorld(world, kind)

    for issuer in ("https://evil.example", f"{bound.issuer.url}/", bound.issuer.url.upper()):
        assert refusal(lambda issuer=issuer: bound.agent_token({"iss": issuer})) == "unknown_issuer"


@pytest.mark.parametrize("kind", ISSUED)
def test_a_token_signed_by_a_stranger_is_refused(world, kind):
    bound = IssuerWorld(world, kind)
    published = bound.issuer.keys[0].kid
    bound.issuer.keys = [type(bound.issuer.keys[0]).new(bound.vector["algorithm"])]
    bound.issuer.keys[0].kid = published

    assert refusal(lambda: bound.agent_token({})) == "bad_signature"


@pytest.mark.parametrize("kind", ISSUED)
def test_every_pin_counts(world, kind):
    """Each pin of the vector, changed by itself in the binding, shuts the subject out."""
    bound = IssuerWorld(world, kind)
    for name, value in dict(bound.vector["pins"]).items():
        other = _another(value)
        bound.vector = {**bound.vector, "pins": {**VECTORS[kind]["pins"], name: other}}
        if kind == "aws" and name != "unique_id":  # these two pins say one thing: neither can be changed alone
            bound.vector["pins"] |= {
                "aws_account": "999999999999",
                "role_arn": "arn:aws:iam::999999999999:role/triage",
            }
        bound.bind()
        assert refusal(lambda: bound.agent_token({})) == "no_binding", name


def _another(value: str) -> str:
    last = value[-1]
    return value[:-1] + ("1" if last in "023456789" else "0" if last == "1" else "b" if last == "a" else "a")
