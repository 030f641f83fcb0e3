"""Who calls, as a token of ours says it: what it cannot have said is refused, never an error of ours."""

from datetime import UTC, datetime, timedelta

import pytest

from leasehold.decisions.calling import CallerFacts, facts_of
from leasehold.model.entities import EntityRef
from leasehold.model.tokens import TokenRefused, VerifiedClaims

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACT = {"sub": "agent:triage"}


def verified(subject, **claims):
    return VerifiedClaims(
        issuer="https://leasehold.example",
        subject=subject,
        audience="https://github.example/mcp",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=5),
        token_id="t",
        digest="",
        claims={"sub": subject, **claims},
    )


def facts(subject, **claims):
    return facts_of(verified(subject, **claims), scopes=frozenset(), deployment=None)


def test_groups_are_those_of_the_issuer_that_the_subject_names():
    found = facts("user:okta/00u1", act=ACT, groups=["eng"])
    assert found.parents == {EntityRef("group", "okta/eng")}
    assert facts("user:okta/00u1", act=ACT).parents == frozenset()


@pytest.mark.parametrize(
    ("subject", "claims"),
    [
        ("user:00u1", {"act": ACT, "groups": ["eng"]}),  # of no issuer
        ("user:okta/00u1", {"act": ACT, "groups": "eng"}),
        ("user:okta/00u1", {"act": ACT, "groups": [7]}),
        ("user:okta/00u1", {"groups": ["eng"]}),  # a person without an agent calls no tool
        ("user:okta/00u1", {"act": {"sub": ""}}),
        ("agent:", {}),
        ("agent:a", {"act": "b"}),
    ],
)
def test_what_no_token_of_ours_says_is_refused(subject, claims):
    with pytest.raises(TokenRefused):
        facts(subject, **claims)


def test_groups_of_nobody_are_refused_whoever_makes_the_facts():
    with pytest.raises(TokenRefused):
        CallerFacts(agent="a", user=None, chain=(), scopes=frozenset(), deployment=None, groups=("eng",))


def test_an_agents_own_token_brings_no_groups_and_a_sub_agents_names_those_above():
    assert facts("agent:a", groups=["eng"]).groups == ()
    nested = {"sub": "agent:c", "act": {"sub": "agent:b"}}
    assert facts("agent:a", act=nested).chain == ("a", "b")
    assert facts("user:okta/1", act=nested).chain == ("b",)
