"""The provider's grammar is the registry's: whatever one refuses, the other refuses."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leasehold.model import names as registry
from leasehold.model.errors import InvalidValue
from leasehold.model.grants import Ceiling
from leasehold.model.trust import check_url
from leasehold_provider import names
from leasehold_provider.trust_issuer import check_family

TEXT = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="aZ0_-.:@/*+, é\u202e", max_size=10),
    st.from_regex(r"[a-z]{1,3}:[!-~]{0,6}", fullmatch=True),
    st.from_regex(r"[!-~]{0,6}@[a-z-]{0,4}(\.[a-z-]{0,3}){0,2}", fullmatch=True),
    st.from_regex(r"(https?|ftp)://[!-~]{0,12}", fullmatch=True),
)
RULES = {
    names.check_name: registry.check_name,
    names.check_tool: registry.check_tool,
    names.check_resource: registry.check_resource,
    names.check_email: registry.check_email,
    names.check_text: lambda value: registry.check_text(value, "it"),
    names.check_url: lambda value: check_url(value, "url"),
    names.check_principal: lambda value: Ceiling(principal=value, scopes=frozenset()),
}


def _refuses(rule, value):
    try:
        rule(value)
    except InvalidValue:
        return True
    return False


@pytest.mark.parametrize("check", RULES, ids=lambda check: check.__name__)
@given(value=TEXT)
@example(value="a" * 63)
@example(value="a" * 64)
@example(value="a\n")
@example(value="../etc")
@example(value="ｔriage")
@example(value="a" * 1025)
@example(value="x:" + "y" * 257)
@example(value="a@b.c" + "d" * 260)
@example(value="agent:triage")
@example(value="agent:Triage")
@example(value="organization")
@example(value="https://mcp.example.com/x?y")
@example(value="https://u@mcp.example.com/")
def test_a_check_refuses_what_the_registry_refuses(check, value):
    assert (check(value) is not None) is _refuses(RULES[check], value)


def test_a_set_is_checked_member_by_member_and_names_the_wrong_one():
    assert names.each(names.check_tool)(["ok", "no/slash"]).startswith("`no/slash`: ")
    assert names.each(names.check_tool)(["ok"]) is None


def test_algorithms_for_different_kinds_of_key_are_refused():
    assert check_family(["RS256", "PS512"]) is None
    assert check_family(["RS256", "ES256"]) is not None
