"""Groups of people: in the claim that their own issuer was asked for, whole or not at all, and told in the token."""

from dataclasses import replace

import pytest
from tests.fakes.people import Browser, code_for, push, redeem, said, with_people
from tests.unit.oauth.test_id_jag import bring, jag

from leasehold.model.errors import InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.subjects import IssuerType
from leasehold.model.trust import TrustIssuer

CLAIM = "https://example.com/groups"
WRONG = [
    "admins",
    {"admins": True},
    [["admins"]],
    ["admins", 7],
    [None],
    [""],
    ["eng", "bad\nname"],
    ["right\u202eleft"],
    ["x" * 257],
    [f"g{n}" for n in range(201)],
    [f"g{n}" for n in range(10_000)],
    ["\u00e9" * 200 + str(n) for n in range(20)],
]


def issuer_of(world):
    with world.store.read() as unit:
        return unit.objects.get(Kind.TRUST_ISSUERS, "people").spec


@pytest.fixture
def people(world):
    with_people(world)
    world.put(Kind.TRUST_ISSUERS, "people", replace(issuer_of(world), groups_claim=CLAIM))
    return world


def logged_in(people, **claims):
    browser = Browser(people)
    return browser.log_in(browser.start(push(people)), **claims)


def token_of(people, **claims):
    return redeem(people, code_for(people, claims=claims))


def test_the_token_says_the_groups_of_this_login_and_of_no_other(people):
    assert said(token_of(people, **{CLAIM: ["ops", "eng", "eng"]}))["groups"] == ["eng", "ops"]
    assert said(token_of(people, **{CLAIM: ["eng"]}))["groups"] == ["eng"]  # consented before, and since left the other
    assert "groups" not in said(token_of(people))


def test_an_issuers_word_brings_groups_as_a_login_does(people):
    assert said(bring(people, jag(people, **{CLAIM: ["eng"]})))["groups"] == ["eng"]


def test_only_the_claim_that_was_asked_for_is_read(people):
    assert "groups" not in said(token_of(people, groups=["admins"], roles=["admins"]))
    people.put(Kind.TRUST_ISSUERS, "people", replace(issuer_of(people), groups_claim=None))
    assert "groups" not in said(token_of(people, **{CLAIM: ["admins"]}))


@pytest.mark.parametrize("groups", WRONG)
def test_groups_that_are_wrong_in_one_way_let_nobody_in(people, groups):
    assert logged_in(people, **{CLAIM: groups}).status == 400
    assert bring(people, jag(people, **{CLAIM: groups})).status in {400, 413}


@pytest.mark.parametrize("names", [{CLAIM: "src1"}, "src1"])
def test_groups_that_are_told_elsewhere_let_nobody_in(people, names):
    """Too many for the token (Entra ID's overage): to take that for none would open what a group forbids."""
    assert logged_in(people, _claim_names=names).status == 400
    assert bring(people, jag(people, _claim_names=names)).json["error"] == "invalid_grant"


def test_a_workload_that_says_groups_brings_none(people):
    reply = people.exchange_form(people.pod_token(**{CLAIM: ["admins"], "groups": ["admins"]}))
    assert "groups" not in said(reply)


@pytest.mark.parametrize("claim", ["", "x" * 257, "gro\nups"])
def test_a_claim_has_a_name(claim):
    with pytest.raises(InvalidValue, match="groups_claim"):
        TrustIssuer(
            type=IssuerType.OIDC, issuer="https://i", audiences=frozenset({"a"}), id_jag=True, groups_claim=claim
        )


def test_issuers_that_no_people_come_from_name_no_groups():
    with pytest.raises(InvalidValue, match="groups_claim"):
        TrustIssuer(type=IssuerType.OIDC, issuer="https://i", audiences=frozenset({"a"}), groups_claim="groups")
