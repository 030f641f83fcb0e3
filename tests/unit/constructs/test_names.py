"""Names, days and times at synth; the registry's own grammar decides what is right."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leasehold.model import grants as server_grants
from leasehold.model import names as server
from leasehold.model.errors import InvalidValue
from leasehold_cdktf import names

TEXT = st.text(alphabet="abzAZ09_-.:/*+@ ,${}é\u202e", max_size=80)
SETS = st.frozensets(st.text(alphabet="ab_1", min_size=1, max_size=90), max_size=5)


def _accepts(check, value) -> bool:
    try:
        check(value)
    except (ValueError, InvalidValue):
        return False
    return True


@settings(deadline=None)
@given(TEXT)
def test_a_name_passes_exactly_when_the_registry_takes_it(value):
    assert _accepts(lambda v: names.check_name(v, "name"), value) == _accepts(server.check_name, value)


@settings(deadline=None)
@given(TEXT)
def test_a_tool_passes_exactly_when_the_registry_takes_it(value):
    assert _accepts(lambda v: names.check_tools([v]), value) == _accepts(server.check_tool, value)


@settings(deadline=None)
@given(TEXT)
def test_a_resource_passes_exactly_when_the_registry_takes_it_and_terraform_would_not_evaluate_it(value):
    expected = _accepts(server.check_resource, value) and "${" not in value
    assert _accepts(lambda v: names.check_resources([v]), value) == expected


@settings(deadline=None)
@given(SETS, SETS)
def test_a_grants_id_is_the_registrys(tools, resources):
    wanted = frozenset(f"repo:{resource}" for resource in resources)
    assert names.grant_id("triage", "github", tools, wanted) == server_grants.grant_id(
        "triage", "github", tools, wanted
    )


@pytest.mark.parametrize("given_day", ["2027-05-01", date(2027, 5, 1), datetime(2027, 5, 1, 23, tzinfo=UTC)])
def test_a_day_is_written_one_way(given_day):
    assert names.day(given_day, "review_by") == "2027-05-01"


@pytest.mark.parametrize("wrong", ["1 May", "2027-13-01", "", "2027-05-01T00:00:00Z"])
def test_what_is_no_day_is_refused_with_an_example(wrong):
    with pytest.raises(ValueError, match="such as `2027-05-01`"):
        names.day(wrong, "review_by")


def test_a_moment_needs_a_zone():
    assert names.moment(datetime(2027, 5, 1, tzinfo=UTC), "expires_at") == "2027-05-01T00:00:00Z"
    assert names.moment("2027-05-01T02:00:00+02:00", "expires_at") == "2027-05-01T02:00:00+02:00"
    for wrong in ("2027-05-01T00:00:00", "2027-05-01", datetime(2027, 5, 1), "soon"):  # noqa: DTZ001  that is the point
        with pytest.raises(ValueError, match="a time with a zone"):
            names.moment(wrong, "expires_at")


def test_terraform_expressions_pass_where_nothing_at_synth_depends_on_them():
    assert names.day("${var.review_by}", "review_by") == "${var.review_by}"
    assert names.moment("${var.until}", "expires_at") == "${var.until}"
    with pytest.raises(ValueError, match="Terraform expression"):
        names.check_name("${var.name}", "name")


@settings(deadline=None)
@given(st.from_regex(r"[a-z0-9](?:[a-z0-9_-]{0,10}[a-z0-9])?", fullmatch=True))
def test_a_local_name_is_one_terraform_accepts(name):
    assert names.local_name(name)[0] in "abcdefghijklmnopqrstuvwxyz_"
    assert names.local_name(name).removeprefix("_") == name


def test_grants_that_read_alike_get_different_local_names():
    alike = ["triage/github.read_file@repo:a-b", "triage/github.read_file@repo:a/b", "triage/github.read_file@repo.a:b"]
    assert len({names.grant_local_name(one) for one in alike}) == len(alike)


@settings(deadline=None)
@given(st.text(alphabet="abc/.:@+*_-19", min_size=1, max_size=500).map(lambda rest: f"9agent/{rest}"))
def test_a_grants_local_name_is_an_identifier_of_sane_length(identity):
    local = names.grant_local_name(identity)
    assert len(local) <= 90
    assert local.replace("-", "_").isidentifier()
