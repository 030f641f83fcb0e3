"""What the schema alone makes of a proposed change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.obedient_resource import ObedientResource

from leasehold_provider.protocol import (
    UNKNOWN,
    Attribute,
    Block,
    Dynamic,
    Key,
    List,
    Map,
    Nested,
    Number,
    PlanContext,
    Schema,
    Set,
    String,
    is_unknown,
)
from leasehold_provider.protocol.planning.change import plan_change

_INNER = {
    "host": Attribute(String, required=True, requires_replace=True),
    "port": Attribute(Number, default=80),
    "kept": Attribute(String, computed=True, keep_prior=True),
    "fresh": Attribute(String, computed=True),
    "secret": Attribute(String, optional=True, write_only=True),
}
_SET_INNER = {name: item for name, item in _INNER.items() if name != "secret"}


class Sample(ObedientResource):
    """Every nesting, two levels deep."""

    type_name = "s"
    schema = Schema(
        {
            "id": Attribute(String, computed=True, keep_prior=True),
            "name": Attribute(String, required=True, requires_replace=True),
            "zone": Attribute(String, optional=True, computed=True, requires_replace=True),
            "size": Attribute(Number, default=1),
            "tags": Attribute(Set(String), optional=True),
            "labels": Attribute(Map(String), optional=True),
            "ports": Attribute(List(Number), optional=True),
            "stamp": Attribute(String, computed=True),
            "one": Nested({**_INNER, "deep": Nested(_INNER, "list", optional=True)}, "single", optional=True),
            "row": Nested(_INNER, "list", optional=True),
            "dict": Nested(_INNER, "map", optional=True),
            "bag": Nested(_SET_INNER, "set", optional=True),
            "whole": Nested({"a": Attribute(String, optional=True)}, "single", optional=True, computed=True),
        },
        blocks={"rule": Block(_SET_INNER, "list", blocks={"sub": Block(_SET_INNER, "set")})},
    )


def complete(value: dict[str, Any]) -> dict[str, Any]:
    """Fill in nulls as Terraform does."""
    full: dict[str, Any] = Sample.schema.type.read(value)
    return {**full, "rule": full["rule"] or []}


def plan(config: dict[str, Any], prior: dict[str, Any] | None = None) -> PlanContext:
    """Plan as Terraform does: it proposes the configuration, with computed values of the prior state where null."""
    full = complete(config)
    proposed = complete(config)
    if prior is not None:
        _carry(Sample.schema.attributes, proposed, complete(prior))
    ctx = PlanContext(prior=None if prior is None else complete(prior), planned=proposed, config=full)
    plan_change(Sample(), ctx)
    return ctx


def _carry(attributes: dict[str, Any], proposed: dict[str, Any], prior: dict[str, Any]) -> None:
    for name, item in attributes.items():
        if proposed[name] is None and item.computed:
            proposed[name] = prior[name]
        elif isinstance(item, Nested) and isinstance(proposed[name], dict) and item.nesting == "single" and prior[name]:
            _carry(item.attributes, proposed[name], prior[name])
        elif isinstance(item, Nested) and item.nesting in ("list", "map") and isinstance(proposed[name], (list, dict)):
            before = prior[name] or type(proposed[name])()
            keys = range(min(len(proposed[name]), len(before))) if item.nesting == "list" else proposed[name]
            for key in keys:
                if item.nesting == "list" or key in before:
                    _carry(item.attributes, proposed[name][key], before[key])


def known(ctx: PlanContext) -> dict[str, Any]:
    """Return what the plan would become at apply."""

    def settle(value: Any) -> Any:
        if is_unknown(value):
            return "made"
        if isinstance(value, dict):
            return {name: settle(item) for name, item in value.items()}
        return [settle(item) for item in value] if isinstance(value, list) else value

    settled: dict[str, Any] = settle(ctx.planned)
    return settled | {"whole": None if settled["whole"] == "made" else settled["whole"]}


EVERYTHING: dict[str, Any] = {
    "name": "n",
    "one": {"host": "h", "secret": "s", "deep": [{"host": "d"}]},
    "row": [{"host": "a"}, {"host": "b", "port": 1}],
    "dict": {"k": {"host": "a", "secret": "s"}},
    "bag": [{"host": "a"}, {"host": "b", "port": 1}],
    "rule": [{"host": "r", "sub": [{"host": "x"}]}],
}


def test_create_fills_defaults_and_marks_what_is_computed_at_every_depth() -> None:
    planned = plan(EVERYTHING).planned
    assert planned is not None
    assert (planned["id"], planned["stamp"], planned["zone"], planned["whole"]) == (UNKNOWN,) * 4
    assert planned["size"] == 1
    for element in (
        planned["one"],
        planned["one"]["deep"][0],
        planned["row"][0],
        planned["dict"]["k"],
        planned["bag"][0],
    ):
        assert element["port"] == 80
        assert element["kept"] == element["fresh"] == UNKNOWN
        assert element.get("secret") is None
    assert planned["row"][1]["port"] == 1
    assert planned["rule"][0]["sub"][0]["port"] == 80
    assert planned["rule"][0]["sub"][0]["fresh"] == UNKNOWN


def test_nothing_changes_when_nothing_changed() -> None:
    state = known(plan(EVERYTHING))
    ctx = PlanContext(prior=complete(state), planned=complete(state), config=complete(EVERYTHING))
    plan_change(Sample(), ctx)
    assert ctx.planned == complete(state)
    assert ctx.requires_replace == []


def test_an_update_keeps_what_is_kept_at_every_depth_and_new_elements_have_nothing_to_keep() -> None:
    state = known(plan(EVERYTHING))
    changed = {**EVERYTHING, "size": 2, "row": [*EVERYTHING["row"], {"host": "c"}]}
    planned = plan(changed, state).planned
    assert planned is not None
    assert planned["id"] == "made"
    assert planned["stamp"] == UNKNOWN
    assert planned["row"][0]["kept"] == "made"
    assert planned["row"][0]["fresh"] == UNKNOWN
    assert planned["row"][2]["kept"] == UNKNOWN
    assert planned["one"]["deep"][0]["kept"] == "made"


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"name": "m"}, [("name",)]),
        ({"zone": "z"}, [("zone",)]),
        ({"size": 2}, []),
        ({"one": {"host": "i", "deep": [{"host": "d"}]}}, [("one", "host")]),
        ({"one": {"host": "h", "deep": [{"host": "e"}]}}, [("one", "deep", 0, "host")]),
        ({"one": None}, [("one", "host"), ("one", "deep", 0, "host")]),
        ({"row": [{"host": "a"}, {"host": "c", "port": 1}]}, [("row", 1, "host")]),
        ({"row": [{"host": "a", "port": 2}, {"host": "b", "port": 1}]}, []),
        ({"dict": {"k": {"host": "z"}}}, [("dict", Key("k"), "host")]),
        ({"bag": [{"host": "a"}, {"host": "c", "port": 1}]}, [("bag",)]),
        ({"bag": [{"host": "a", "port": 7}, {"host": "b", "port": 1}]}, []),
        ({"rule": [{"host": "r", "sub": [{"host": "y"}]}]}, [("rule", 0, "sub")]),
        ({"name": UNKNOWN}, [("name",)]),
        ({"row": UNKNOWN}, [("row",)]),
    ],
)
def test_a_change_in_place_or_not(change: dict[str, Any], paths: list[tuple[Any, ...]]) -> None:
    state = known(plan(EVERYTHING))
    assert plan({**EVERYTHING, **change}, state).requires_replace == paths


@given(st.randoms(), st.lists(st.sampled_from("abcdef"), unique=True, max_size=5))
def test_the_order_of_sets_and_maps_is_never_a_difference(random: Any, names: list[str]) -> None:
    config = {
        **EVERYTHING,
        "tags": names,
        "labels": dict.fromkeys(names, "x"),
        "bag": [{"host": name, "port": len(name)} for name in names],
    }
    state = known(plan(config))
    for name in ("tags", "bag"):
        random.shuffle(state[name])
        random.shuffle(config[name])
    state["labels"] = dict(sorted(state["labels"].items(), key=lambda _: random.random()))
    prior = complete(state)
    proposed = complete(state)
    proposed["tags"] = list(reversed(proposed["tags"]))
    proposed["bag"] = list(reversed(proposed["bag"]))
    ctx = PlanContext(prior=prior, planned=proposed, config=complete(config))
    plan_change(Sample(), ctx)
    assert ctx.requires_replace == []
    assert not is_unknown(ctx.planned["stamp"] if ctx.planned else UNKNOWN)


def test_a_destroy_is_shown_to_the_resource_and_changes_nothing() -> None:
    seen = []

    class Watching(Sample):
        def plan(self, ctx: PlanContext) -> None:
            seen.append((ctx.destroying, ctx.creating, ctx.changing))
            ctx.set_unknown("id")

    ctx = PlanContext(prior=complete({"name": "n"}), planned=None, config=None)
    plan_change(Watching(), ctx)
    assert seen == [(True, False, False)]
    assert ctx.planned is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: Attribute(String),
        lambda: Attribute(String, required=True, optional=True),
        lambda: Attribute(String, optional=True, computed=True, write_only=True),
        lambda: Attribute(String, optional=True, keep_prior=True),
        lambda: Nested({}, "heap", optional=True),
        lambda: Block({}, "heap"),
        lambda: Nested({"x": Attribute(String, optional=True, write_only=True)}, "set", optional=True),
        lambda: Nested({"x": Attribute(Dynamic, optional=True)}, "list", optional=True),
        lambda: Schema({"x": Attribute(String, optional=True)}, blocks={"x": Block({})}),
    ],
)
def test_a_schema_that_terraform_would_refuse_is_refused_when_written(make: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make()
