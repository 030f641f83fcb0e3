"""Grant ids, and what a grant, a scope and a ceiling refuse to be."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.errors import InvalidValue
from leasehold.model.grants import Ceiling, Grant, grant_id
from leasehold.model.tools import Scope

_TOOLS = st.frozensets(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True), max_size=4)
_RESOURCES = st.frozensets(st.from_regex(r"[a-z]{1,8}:[a-z0-9/*]{1,20}", fullmatch=True), max_size=4)


def test_a_grant_is_named_by_what_it_allows():
    grant = Grant(
        agent="triage", tool_server="github", tools=frozenset({"b", "a"}), resources=frozenset({"repo:web", "repo:api"})
    )

    assert grant.id == "triage/github.a+b@repo:api+repo:web"


def test_a_grant_on_a_whole_scope_is_named_by_the_scope():
    assert Grant(agent="triage", scope="web-reader").id == "triage/web-reader"


@given(one=st.tuples(_TOOLS, _RESOURCES), other=st.tuples(_TOOLS, _RESOURCES))
def test_different_edges_have_different_ids(one, other):
    same = grant_id("a", "s", *one) == grant_id("a", "s", *other)

    assert (one == other) == same


def test_a_long_id_is_cut_to_400_characters_and_still_unique():
    many = frozenset(f"repo:{i:04}" for i in range(200))

    long_id = grant_id("a", "s", frozenset(), many)

    assert len(long_id) == 400
    assert re.search(r"~[0-9a-f]{16}$", long_id)
    assert long_id != grant_id("a", "s", frozenset(), many | {"repo:9999"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"agent": "triage"},
        {"agent": "triage", "scope": "s", "tool_server": "t"},
        {"agent": "triage", "tool_server": "t"},
        {"agent": "triage", "tool_server": "t", "tools": frozenset({"x"})},
        {"agent": "triage", "tool_server": "t", "resources": frozenset({"repo:web"})},
        {"agent": "triage", "scope": "s", "tools": frozenset({"x"})},
        {"agent": "../etc", "scope": "s"},
        {"agent": "tri\u200bage", "scope": "s"},
        {"agent": "TRIAGE", "scope": "s"},
        {"agent": "triage", "scope": "s", "expires_at": datetime(2027, 1, 1)},  # noqa: DTZ001  the point
        {"agent": "triage", "scope": "s", "resources": frozenset({"repo:*"})},
        {"agent": "triage", "scope": "s", "resources": frozenset({"repo:*"}), "allow_wildcard": True},
        {"agent": "triage", "scope": "s", "resources": frozenset({"no-type"})},
        {"agent": "triage", "scope": "s", "resources": frozenset({"repo:a@b"})},
    ],
)
def test_a_grant_that_is_ambiguous_or_malformed_is_refused(wrong):
    with pytest.raises(InvalidValue):
        Grant(**wrong)


def test_a_justified_wildcard_is_accepted():
    Grant(
        agent="triage",
        scope="s",
        resources=frozenset({"repo:*"}),
        allow_wildcard=True,
        justification="reads every repository of the organisation",
        expires_at=datetime(2027, 1, 1, tzinfo=UTC),
    )


def test_an_empty_scope_is_refused_because_empty_never_means_all():
    with pytest.raises(InvalidValue, match="an empty set would grant nothing"):
        Scope(tool_server="github", tools=frozenset(), resources=frozenset({"repo:web"}))


@pytest.mark.parametrize("principal", ["triage", "agent:", "team:A", "organization:x", "user:alice", ""])
def test_a_ceiling_names_a_known_kind_of_principal(principal):
    with pytest.raises(InvalidValue):
        Ceiling(principal=principal, scopes=frozenset())
