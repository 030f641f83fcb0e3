import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.unit.model.test_arguments import SOME

from leasehold.model.grants import Grant
from leasehold.model.grants import grant_id as registry_grant_id
from leasehold.model.plain import plain
from leasehold_provider.grant_ids import grant_id

GRANTS = TypeAdapter(Grant)
CASES = json.loads((Path(__file__).parents[2] / "vectors" / "grant_ids.json").read_text())["cases"]
NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?", fullmatch=True)
TOOLS = st.sets(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}", fullmatch=True), max_size=9)
RESOURCES = st.sets(st.from_regex(r"[a-z]{1,8}:[a-z*/]{1,60}", fullmatch=True), max_size=9)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"][:40])
def test_provider_and_registry_name_every_vector_alike(case):
    agent, target, tools, resources = (case[part] for part in ("agent", "target", "tools", "resources"))
    constraints = case.get("constraints", {})
    assert grant_id(agent, target, tools, resources, constraints) == case["id"]
    grant = {"agent": agent, "tool_server": "x", "tools": ["t"], "resources": ["r:x"], "constraints": constraints}
    meant = GRANTS.validate_json(json.dumps(grant)).constraints
    assert registry_grant_id(agent, target, frozenset(tools), frozenset(resources), meant) == case["id"]


@given(NAMES, NAMES, TOOLS, RESOURCES, SOME)
def test_provider_and_registry_agree_on_any_edge(agent, target, tools, resources, constraints):
    written = {name: plain(one) for name, one in constraints.items()}
    name = grant_id(agent, target, tools, resources, written)
    assert name == registry_grant_id(agent, target, frozenset(tools), frozenset(resources), constraints)
    assert len(name) <= 400


@given(NAMES, NAMES, st.lists(st.sampled_from("abc"), max_size=6), st.randoms())
def test_order_and_repetition_do_not_change_a_name(agent, target, tools, random):
    shuffled = [*tools, *tools]
    random.shuffle(shuffled)
    assert grant_id(agent, target, shuffled, []) == grant_id(agent, target, sorted(set(tools)), [])
