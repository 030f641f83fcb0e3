"""Ids of people: one person's alone, whatever a subject looks like."""

import pytest

from leasehold.model.consents import issuer_of_user, user_id


def test_a_subject_that_is_called_like_a_digest_is_not_the_one_with_the_long_name():
    long = "x" * 300
    digest = user_id("okta", long).removeprefix("user:okta/")

    assert digest.startswith("sha256-")
    assert user_id("okta", digest) != user_id("okta", long)
    assert user_id("okta", "sha256-x") != "user:okta/sha256-x"


@pytest.mark.parametrize("subject", ["00u1", "a/b", "../okta2/x", "é" * 200, "sha256-", ""])
def test_an_id_tells_its_issuer_whatever_the_subject(subject):
    assert issuer_of_user(user_id("okta", subject)) == "okta"


def test_no_two_subjects_have_one_id():
    subjects = ["a/b", "a%2Fb", "a%252Fb", "A/b", "a b", "a+b", "a%20b", "x" * 201, "x" * 202, "sha256-a", "sha256-b"]
    assert len({user_id("okta", one) for one in subjects}) == len(subjects)
