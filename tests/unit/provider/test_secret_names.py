"""What names a secret is no secret: and if somebody wrote one there, nothing says it again."""

import pytest

from leasehold_provider.protocol.unknown import UNKNOWN
from leasehold_provider.secret_names import check_secret_names

PLACE = ("upstream_auth", "oauth", "client_secret")


def config(value):
    return {"upstream_auth": {"oauth": {"client_secret": value}}}


def test_a_secret_in_place_of_its_name_is_refused_at_the_resource_and_not_quoted():
    (said,) = check_secret_names(config("hunter2/=+"), PLACE)
    assert said.path == ()  # at the attribute, Terraform would print its line
    assert "hunter2" not in f"{said.summary} {said.detail}"
    assert "`upstream_auth.oauth.client_secret`" in said.detail


@pytest.mark.parametrize(
    "given",
    [config("notes-client"), config(None), config(UNKNOWN), {"upstream_auth": None}, {"upstream_auth": UNKNOWN}],
)
def test_names_and_what_is_not_there_are_let_be(given):
    assert list(check_secret_names(given, PLACE)) == []
