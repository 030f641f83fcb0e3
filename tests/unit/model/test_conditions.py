"""Conditions on claims: they narrow, they are never slow, and none is broader than it looks."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leasehold.model.conditions import ClaimCondition, check_glob, find_claim, matches_glob
from leasehold.model.errors import InvalidValue
from leasehold.model.subjects import AwsSubject, OidcSubject
from leasehold.model.trust import WorkloadBinding
from leasehold_provider.protocol import DiagnosticError
from leasehold_provider.subjects import check_claims
from leasehold_provider.subjects import check_glob as provider_check_glob

OIDC = OidcSubject(subject="00u1alice")


def binding(**claims) -> WorkloadBinding:
    return WorkloadBinding(trust_issuer="idp", agent="triage", oidc=OIDC, claims=claims)


BROAD = """
    * ** a** *x */web *:main acme*/web acme/*x plain a?* [a]* {a,b}* a\\* x*y*z*w*v* repo:acme*:ref \u202ea*
"""


@pytest.mark.parametrize("pattern", ["", *BROAD.split()])
def test_a_pattern_broader_than_it_looks_is_refused(pattern):
    with pytest.raises(InvalidValue):
        check_glob(pattern)


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("prod-*", "prod-eu", True),
        ("prod-*", "prod-", True),
        ("prod-*", "prod-eu/x", False),
        ("prod-*", "preprod-eu", False),
        ("acme/*", "acme/web", True),
        ("acme/*", "acme/", False),
        ("acme/*", "acme/web/x", False),
        ("acme/*", "acme-evil/web", False),
        ("repo:acme/*:environment:prod", "repo:acme/web:environment:prod", True),
        ("repo:acme/*:environment:prod", "repo:acme/web:ref:x:environment:prod", False),
        ("release-*-stable", "release-1-stable", True),
        ("release-*-stable", "release-stable", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("Prod-*", "prod-eu", False),
    ],
)
def test_a_star_stays_within_one_part(pattern, value, matches):
    check_glob(pattern)
    assert matches_glob(pattern, value) is matches


@given(pattern=st.text(alphabet="ab*/:-?", max_size=8), value=st.text(alphabet="ab/:-", max_size=10))
@example(pattern="a*", value="a/b")
def test_what_matches_has_the_separators_of_the_pattern(pattern, value):
    try:
        check_glob(pattern)
    except InvalidValue:
        return
    if matches_glob(pattern, value):
        assert [c for c in value if c in "/:"] == [c for c in pattern if c in "/:"]
        assert value.startswith(pattern.partition("*")[0])


@given(pattern=st.text(alphabet="ab*/:-?[{\\", max_size=8))
def test_the_provider_refuses_the_patterns_that_the_registry_refuses(pattern):
    try:
        check_glob(pattern)
        refused = False
    except InvalidValue:
        refused = True
    assert (provider_check_glob(pattern) is not None) is refused


def test_no_pattern_can_be_made_slow():
    """ReDoS: what takes a backtracking matcher an age takes this one no time."""
    began = time.process_time()
    assert not matches_glob("a*a*a*a*b", "a" * 100_000)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        (ClaimCondition(exact="2"), "2", [2, 2.0, True, None, ["2"], {"2": 1}, "2 "]),
        (ClaimCondition(number=2), 2, ["2", 2.0, True, None, 3]),
        (ClaimCondition(number=1), 1, [True, "1"]),
        (ClaimCondition(number=0), 0, [False, None, ""]),
        (ClaimCondition(boolean=True), True, [1, "true", None, False]),
        (ClaimCondition(boolean=False), False, [0, "false", None, ""]),
        (ClaimCondition(one_of=frozenset({"a", "b"})), "a", ["c", ["a"], None, ""]),
        (ClaimCondition(glob="prod-*"), "prod-eu", ["prod", 1, None, ["prod-eu"]]),
    ],
    ids=["text", "two", "one", "zero", "true", "false", "one_of", "glob"],
)
def test_types_are_never_mixed(condition, good, bad):
    assert condition.holds(good)
    assert not any(condition.holds(value) for value in bad)


@pytest.mark.parametrize(
    "given_",
    [{}, {"exact": "a", "glob": "a*"}, {"exact": "a", "one_of": frozenset({"a"})}, {"number": 1, "boolean": True}],
    ids=repr,
)
def test_exactly_one_condition_is_given(given_):
    with pytest.raises(InvalidValue):
        ClaimCondition(**given_)


def test_a_number_that_json_readers_do_not_agree_on_is_refused():
    with pytest.raises(InvalidValue):
        ClaimCondition(number=2**53)


def test_a_path_goes_inside_only_if_it_says_so():
    claims = {"kubernetes.io": {"pod": {"name": "a/b~c"}}, "a/b": {"~": 1}, "flat": "x"}

    assert find_claim(claims, "/kubernetes.io/pod/name") == "a/b~c"
    assert find_claim(claims, "kubernetes.io") == claims["kubernetes.io"]
    assert find_claim(claims, "/a~1b/~0") == 1
    for nothing in ("/kubernetes.io/pod/name/x", "kubernetes.io/pod", "/", "/none/x", "/flat/0"):
        assert find_claim(claims, nothing) is None


@pytest.mark.parametrize(
    "path", ["iss", "aud", "exp", "iat", "nbf", "jti", "/iss", "", "with space", "x" * 257, "/a" * 7]
)
def test_a_claim_that_can_be_no_condition_is_refused(path):
    with pytest.raises(InvalidValue):
        binding(**{path: ClaimCondition(exact="x")})


def test_there_is_a_bound_on_conditions():
    with pytest.raises(InvalidValue):
        binding(**{f"c{i}": ClaimCondition(exact="x") for i in range(17)})


@pytest.mark.parametrize(
    "path", ["/https:~1~1sts.amazonaws.com~1/request_tags/team", "/https:~1~1sts.amazonaws.com~1/request_tags"]
)
def test_a_condition_on_what_the_caller_chooses_is_refused(path):
    role = AwsSubject(
        aws_account="123456789012", role_arn="arn:aws:iam::123456789012:role/triage", unique_id="AROAEXAMPLEROLEID1234"
    )
    with pytest.raises(InvalidValue, match="the caller chooses"):
        WorkloadBinding(trust_issuer="aws", agent="a", aws=role, claims={path: ClaimCondition(exact="x")})


@pytest.mark.parametrize("condition", [{}, {"exact": "a", "glob": "a*"}, {"exact": None, "one_of": []}])
def test_the_provider_tells_at_plan_that_a_condition_is_none(condition):
    with pytest.raises(DiagnosticError) as refused:
        check_claims({"email": condition})
    assert "exactly one" in refused.value.diagnostic.detail
