"""Tool pins: one text for one surface, and another text for every other one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leasehold.model.errors import InvalidValue
from leasehold.model.pins import ToolPin
from leasehold.model.surface_texts import read_surface, surface_text, visible_text
from leasehold.model.tool_surfaces import (
    INSTRUCTIONS_LIMIT,
    SURFACE_LIMIT,
    TOOL_LIMIT,
    TOOLS_MAX,
    PinState,
    changes,
    surface_of,
    usable_tools,
)

READ = {"name": "read", "inputSchema": {"type": "object", "properties": {"n": {"maximum": 100}}}}
DELETE = {"name": "delete", "annotations": {"destructiveHint": True, "readOnlyHint": False}}


def pin(surface, justification="read over"):
    return ToolPin(surface=surface if isinstance(surface, str) else json.dumps(surface), justification=justification)


APPROVED = pin({"tools": [READ, DELETE], "instructions": "Be brief."})

SPELLINGS = {
    "the answer": {"jsonrpc": "2.0", "id": 7, "result": {"tools": [READ, DELETE], "instructions": "Be brief."}},
    "instructions beside the result": {"result": {"tools": [READ, DELETE]}, "instructions": "Be brief."},
    "another order": {"instructions": "Be brief.", "tools": [DELETE, READ]},
    "by name": {"instructions": "Be brief.", "tools": {"read": READ, "delete": {"annotations": DELETE["annotations"]}}},
    "what no model is shown": {
        "tools": [{**READ, "_meta": {"x": 1}, "icons": []}, DELETE],
        "instructions": "Be brief.",
        "nextCursor": None,
        "ttlMs": 5000,
    },
    "keys in another order": {
        "tools": [dict(reversed(READ.items())), dict(reversed(DELETE.items()))],
        "instructions": "Be brief.",
    },
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_two_spellings_of_one_surface_are_one_pin(spelling):
    assert pin(SPELLINGS[spelling]).digest == APPROVED.digest
    assert pin(SPELLINGS[spelling]) == APPROVED


@pytest.mark.parametrize("number", ["100", "100.0", "1e2", "1E+2", "0.1e3", "1000e-1"])
def test_the_form_of_a_number_changes_nothing(number):
    text = json.dumps({"tools": [READ, DELETE], "instructions": "Be brief."}).replace("100", number)
    assert pin(text) == APPROVED


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("100", "100.5"),
        ("100", "true"),
        ("100", '"100"'),
        ("Be brief.", "Be brief. "),
        ("Be brief.", "Be bri\u200bef."),
        ("Be brief.", "Be br\u0456ef."),
    ],
)
def test_every_other_value_is_another_pin(before, after):
    text = json.dumps({"tools": [READ, DELETE], "instructions": "Be brief."}).replace(before, after)
    assert pin(text).digest != APPROVED.digest


def test_composed_and_decomposed_letters_are_two_texts():
    composed, decomposed = ({"tools": [{"name": "a", "description": text}]} for text in ("\u00e9", "e\u0301"))
    assert pin(composed).digest != pin(decomposed).digest


def test_a_flip_of_an_annotation_is_a_change_of_that_tool_alone():
    flipped = {**DELETE, "annotations": {"destructiveHint": False, "readOnlyHint": True}}
    live = surface_of([READ, flipped], "Be brief.")
    assert [(one.tool, one.state) for one in changes(APPROVED.approved, live)] == [("delete", PinState.CHANGED)]
    assert usable_tools(APPROVED.approved, live) == {"read"}


def test_a_pin_can_be_made_of_its_own_text_and_shows_what_nobody_sees():
    made = pin({"tools": [{"name": "a", "description": "x\u202ey \u115f \U000e0041 \u00e9"}]})
    assert pin(made.surface) == made
    assert made.surface == '{"instructions":"","tools":{"a":{"description":"x\\u202ey \\u115f \\udb40\\udc41 \u00e9"}}}'
    assert made.surface.isprintable()


@pytest.mark.parametrize(
    "surface",
    [
        "",
        "[]",
        "{",
        "{}",
        '{"tools": 1}',
        '{"tools": [], "tools": []}',
        '{"tools": [{"name": "a", "name": "b"}]}',
        '{"tools": [{"name": "a"}, {"name": "a"}]}',
        '{"tools": {"a": {"name": "b"}}}',
        '{"tools": {"a": 1}}',
        '{"tools": [{"name": "a"}], "nextCursor": "more"}',
        '{"tools": [{"name": "a", "inputSchema": {"maximum": NaN}}]}',
        '{"tools": [{"name": "a", "inputSchema": {"maximum": 1e999}}]}',
        '{"tools": [{"name": "a", "description": "\\ud800"}]}',
        '{"tools": [{"name": "\\ud800"}]}',
        '{"tools": [{"name": "a"}], "instructions": 1}',
        '{"tools": [{"name": "a"}], "instructions": "\\ud800"}',
        '{"result": []}',
        json.dumps({"tools": [{"name": "a" * 257}]}),
        json.dumps({"tools": [{"name": "a"}], "instructions": "x" * (INSTRUCTIONS_LIMIT + 1)}),
        '{"tools": [{"name": "a", "inputSchema": ' + "[" * 100 + "]" * 100 + "}]}",
        '{"tools": ' + "[" * 100_000 + "]" * 100_000 + "}",
        " " * (4 * SURFACE_LIMIT + 1),
    ],
)
def test_what_could_be_read_two_ways_is_no_pin(surface):
    with pytest.raises(InvalidValue):
        pin(surface)


@pytest.mark.parametrize("justification", ["", "  ", "x" * 1025, "a\u202eb"])
def test_a_pin_says_why(justification):
    with pytest.raises(InvalidValue):
        pin({"tools": [READ]}, justification)


# What a hostile server lists.


def nested(depth):
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


HOSTILE = {
    "a schema of a megabyte": {"name": "bad", "inputSchema": {"enum": ["x" * 100] * 10_000}},
    "a megabyte of white space that is text": {"name": "bad", "description": " " * 1_000_000},
    "deep JSON": {"name": "bad", "inputSchema": nested(80)},
    "JSON too deep for a stack": {"name": "bad", "inputSchema": nested(100_000)},
    "half a surrogate pair": {"name": "bad", "description": "\udc00"},
    "a number that is none": {"name": "bad", "inputSchema": {"maximum": float("nan")}},
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_tool_that_nobody_can_read_is_quarantined_and_spoils_no_other(hostile):
    live = surface_of([READ, HOSTILE[hostile], DELETE], "Be brief.")
    assert live.unreadable.keys() == {"bad"}
    assert live.digest != APPROVED.approved.digest
    assert usable_tools(APPROVED.approved, live) == {"read", "delete"}
    assert [(one.tool, one.state) for one in changes(APPROVED.approved, live)] == [("bad", PinState.FIRST_SEEN)]
    with pytest.raises(InvalidValue, match="`bad` cannot be pinned"):
        surface_text(live)


def test_a_pinned_tool_that_became_unreadable_is_changed_and_hidden():
    live = surface_of([{**READ, "inputSchema": nested(80)}, DELETE], "Be brief.")
    assert usable_tools(APPROVED.approved, live) == {"delete"}
    assert [(one.tool, one.state) for one in changes(APPROVED.approved, live)] == [("read", PinState.CHANGED)]


@pytest.mark.parametrize(
    "tools",
    [
        [{"name": f"t{at}"} for at in range(10_000)],
        [{"name": f"t{at}"} for at in range(TOOLS_MAX + 1)],
        [{"name": f"t{at}", "description": "x" * (TOOL_LIMIT - 100)} for at in range(5)],
        [{"name": "read"}, {"name": "read", "description": "the second one does the harm"}],
        [{"name": "bad", "inputSchema": nested(80)}, {"name": "bad"}],
    ],
    ids=["10,000 tools", "one too many", "over a megabyte", "a name twice", "a name twice, once unreadable"],
)
def test_a_list_that_nobody_can_review_is_refused_whole(tools):
    with pytest.raises(InvalidValue):
        surface_of(tools)


def test_as_many_tools_as_are_read_are_read():
    assert len(surface_of([{"name": f"t{at}"} for at in range(TOOLS_MAX)]).tools) == TOOLS_MAX


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
TOOLS = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.fixed_dictionaries({}, optional={"description": JSON, "inputSchema": JSON, "annotations": JSON, "title": JSON}),
    max_size=4,
)


@given(TOOLS, st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.randoms())
def test_a_surface_survives_its_text_whatever_the_order(tools, instructions, random):
    listed = [{"name": name, **tool} for name, tool in tools.items()]
    surface = surface_of(listed, instructions)
    random.shuffle(listed)
    again = read_surface(surface_text(surface_of(listed, instructions)))
    assert again == surface
    assert again.digest == surface.digest
    assert surface_text(again).isprintable()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_made_visible_is_the_same_json(text):
    assert json.loads(visible_text(json.dumps(text, ensure_ascii=False))) == text
