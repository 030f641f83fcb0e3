"""The vectors that server, provider and constructs must all agree on."""

import json
from pathlib import Path

import pytest

from leasehold_cdktf.names import grant_id, relation_id
from leasehold_cdktf.patterns import covers, overlaps

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def cases(name):
    return json.loads((VECTORS / name).read_text())["cases"]


@pytest.mark.parametrize("case", cases("covers.json"), ids=lambda case: f"{case['wide']} over {case['narrow']}")
def test_a_pattern_covers_another_exactly_as_agreed(case):
    assert covers(case["wide"], case["narrow"]) is case["covers"]


@pytest.mark.parametrize("case", cases("covers.json"), ids=lambda case: f"{case['wide']} over {case['narrow']}")
def test_what_is_covered_overlaps(case):
    assert overlaps(case["wide"], case["narrow"]) or not case["covers"]


@pytest.mark.parametrize("case", cases("grant_ids.json"), ids=lambda case: case["id"][:60])
def test_a_grant_is_named_exactly_as_agreed(case):
    constraints = case.get("constraints", {})
    assert grant_id(case["agent"], case["target"], case["tools"], case["resources"], constraints) == case["id"]


@pytest.mark.parametrize("case", cases("relation_ids.json"), ids=lambda case: case["id"][:60])
def test_a_relation_is_named_exactly_as_agreed(case):
    assert relation_id(case["subject"], case["relation"], case["object"], case["through"]) == case["id"]
