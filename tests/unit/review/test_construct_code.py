"""The CDKTF code that adopts what lives: run, it declares the very same."""

from __future__ import annotations

import json

import cdktf
import pytest
from tests.unit.review.worlds import DELETE, NOW, SCOPED, organisation

import leasehold_cdktf
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.directory import Decimal, User
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.people import Owner
from leasehold.model.plain import plain
from leasehold.review.construct_code import construct, literal
from leasehold_cdktf.collector import collector_of

HOSTILE = 'a"b\'c\\ ${file("/etc/passwd")} %{ for x } \u00e9 \U0001f600'

_DEFAULTS = {"active", "off"}


@pytest.fixture
def stack():
    return cdktf.TerraformStack(cdktf.App(), "adopted")


def run(code, stack, **more):
    return eval(code, {**vars(leasehold_cdktf), "self": stack, **more})  # noqa: S307  our own output is what is tested


def unescaped(value):
    return json.loads(json.dumps(value).replace("$${", "${").replace("%%{", "%{"))


@pytest.mark.parametrize(
    "kind", [Kind.OWNERS, Kind.CEILINGS, Kind.DEPLOYMENTS, Kind.USERS, Kind.RESOURCES, Kind.RELATIONS]
)
def test_the_code_declares_what_lives(stack, kind):
    key = next(key for key in organisation() if key[0] is kind)
    spec = organisation()[key]
    run(construct(key[1], spec), stack)
    ((attributes,),) = [list(found.values()) for found in collector_of(stack).resources.values()]
    assert {name: value for name, value in plain(spec).items() if name in attributes} == {
        name: value for name, value in attributes.items() if name in plain(spec)
    }
    assert set(attributes) - {"name"} >= {
        name for name, value in plain(spec).items() if value and str(value) not in _DEFAULTS
    } - {"type" if kind is Kind.USERS else ""}


def test_strings_are_literals_and_no_templates(stack):
    run(construct("eve", Owner(display_name="E", email="e@example.com", team="t")), stack)
    assert unescaped(eval(literal(HOSTILE))) == HOSTILE  # noqa: S307  as above
    assert "${" not in eval(literal(HOSTILE)).replace("$${", "")  # noqa: S307  as above
    spec = DriftException(fingerprint=f"sha256:{'a' * 64}", reason="a ${b} \" + ' c", expires_at=NOW)
    run(construct("x", spec), stack)
    (written,) = collector_of(stack).resources["leasehold_drift_exception"].values()
    assert unescaped(written["reason"]) == spec.reason


@pytest.mark.parametrize(
    "grant",
    [
        DELETE,
        SCOPED,
        Grant(agent="triage", scope="issues", resources=frozenset({"repo:web"}), expires_at=NOW),
        Grant(
            agent="triage", tool_server="github", tools=frozenset({"*"}), resources=frozenset({"repo:*"}),
            allow_wildcard=True, justification="all",
        ),
    ],
)  # fmt: skip
def test_a_grant_is_what_an_agent_is_given(stack, grant):
    given = run(construct(grant.id, grant), stack)
    assert (given.target.name, given.tools, given.resources) == (
        grant.tool_server or grant.scope,
        grant.tools,
        grant.resources,
    )
    assert given.justification == grant.justification
    assert (given.expires_at is None) == (grant.expires_at is None)


def test_what_a_program_says_in_words_of_its_own_has_no_code():
    limited = Grant(
        agent="a", tool_server="s", tools=frozenset({"t"}), resources=frozenset({"r:x"}),
        constraints={"amount": ArgumentConstraint(max=50)},
    )  # fmt: skip
    dear = User(ids=frozenset({"x"}), attributes={"limit": Decimal("50.00")})
    assert construct("x", limited) is construct("x", dear) is None
    assert construct("x", organisation()[Kind.SCOPES, "issues"]) is None
