"""Laws of the review: what means the same never shows, and what was done behind the code always does."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from datetime import timedelta, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.review.test_every_kind import CHANGES, NAMES
from tests.unit.review.worlds import DELETE, NOW, Registry, declare, drift, organisation

from leasehold.model.access import Reach, reach_of_grant
from leasehold.model.ceilings import within_ceilings
from leasehold.model.grants import Ceiling, Grant
from leasehold.model.kinds import Kind
from leasehold.model.leases import LeaseUse
from leasehold.model.plain import plain
from leasehold.model.tools import Scope
from leasehold.model.trust import OidcSubject, WorkloadBinding
from leasehold.review.declared import NAMED_AFTER, RESOURCE_TYPES
from leasehold.review.drift import find_drift
from leasehold.review.entitlements import beyond, ceilings_above, entitlements, expanded
from leasehold.review.findings import Entitlement
from leasehold.review.worlds import World
from leasehold.web.declarations import parse_declared

TOOLS = ("read_file", "create_issue", "delete_branch", "*")
RESOURCES = st.sampled_from(["repo:web", "repo:api", "repo:*", "repo:w*", "repo:*b"])
PEOPLE = st.sampled_from(["oidc:mallory@example.com", "kubernetes:ops/system", "oidc:bob@example.com"])
ENTITLEMENTS = st.frozensets(
    st.builds(Entitlement, st.just("github"), st.sampled_from(TOOLS), st.none(), RESOURCES), max_size=6
)
GRANTS = st.builds(
    Grant,
    agent=st.just("triage"),
    tool_server=st.just("github"),
    tools=st.frozensets(st.sampled_from(TOOLS), min_size=1),
    resources=st.frozensets(RESOURCES, min_size=1),
    allow_wildcard=st.just(True),  # noqa: FBT003  a strategy's argument
    justification=st.just("test"),
    expires_at=st.one_of(st.none(), st.just(NOW + timedelta(days=1))),
)


def respelt(spec, draw):
    """The same object as another reader would hand it over: members in another order, times in another zone."""
    changes = {}
    for f in fields(spec):
        value = getattr(spec, f.name)
        if isinstance(value, frozenset):
            changes[f.name] = frozenset(draw(st.permutations(sorted(value))))
        elif isinstance(value, Mapping):
            changes[f.name] = {name: value[name] for name in draw(st.permutations(sorted(value)))}
        elif f.name == "expires_at" and value is not None:
            changes[f.name] = value.astimezone(timezone(timedelta(hours=draw(st.integers(-12, 12)))))
    return replace(spec, **changes)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_order_zones_and_defaults_never_show(data):
    registry = Registry()
    lasting = replace(organisation()[Kind.GRANTS, "triage/issues"], expires_at=NOW + timedelta(days=3))
    registry.write(Kind.GRANTS, "triage/issues", lasting)
    objects = organisation() | {(Kind.GRANTS, "triage/issues"): lasting}
    shuffled = {key: respelt(objects[key], data.draw) for key in data.draw(st.permutations(sorted(objects)))}
    report = drift(registry, declare(shuffled))
    assert report.findings == ()
    assert report.summary.equivalent == len(objects)


def test_a_thousand_shuffled_and_defaulted_reads_show_nothing():
    rnd = random.Random(20261126)  # noqa: S311  replayable, not secret
    registry, objects = Registry(), organisation()
    found = 0
    for _ in range(1_000):
        rows = [shuffled_row(rnd, *key, spec) for key, spec in rnd.sample(list(objects.items()), len(objects))]
        declared = parse_declared({"stacks": [{"stack": "prod", "resources": rows}]})
        found += len(drift(registry, declared).findings)
    assert found == 0


def shuffled_row(rnd, kind, name, spec):
    """A resource as some Terraform wrote it: lists in any order, defaults left out, null or spelt out."""
    defaults = {f.name: f.default for f in fields(spec) if f.default is not MISSING}
    values = {}
    for attribute, value in plain(spec).items():
        omitted = attribute in defaults and getattr(spec, attribute) == defaults[attribute]
        if not (omitted and rnd.random() < 0.5):
            values[attribute] = None if omitted and rnd.random() < 0.5 else shuffled(rnd, value)
    values[NAMED_AFTER.get(kind, "name")] = name
    items = rnd.sample(list(values.items()), len(values))
    return {"type": RESOURCE_TYPES[kind], "address": f"{RESOURCE_TYPES[kind]}.x", "values": dict(items)}


def shuffled(rnd, value):
    if isinstance(value, dict):
        return {key: shuffled(rnd, one) for key, one in rnd.sample(list(value.items()), len(value))}
    if isinstance(value, list):
        return rnd.sample([shuffled(rnd, one) for one in value], len(value))
    return value


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_fingerprint_stays_while_only_counts_and_times_move(data):
    """The same wrong, found later, by another route through the audit log, used more: the same finding."""
    minutes = st.integers(1, 500_000)
    registry, later = Registry(), Registry()
    kinds = data.draw(st.sets(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=5))
    moved = NOW + timedelta(hours=data.draw(st.integers(0, 23)))
    for world in (registry, later):
        at = NOW - timedelta(minutes=data.draw(minutes))
        for kind in kinds:
            changed = replace(world.stored[kind, NAMES[kind]].spec, **CHANGES[kind])
            world.write(kind, NAMES[kind], changed, by=data.draw(PEOPLE), at=at)
        world.write(Kind.GRANTS, DELETE.id, replace(DELETE, expires_at=NOW + timedelta(days=data.draw(minutes))), at=at)
    uses = st.builds(
        LeaseUse, agent=st.just("triage"), audience=st.just("https://mcp.example.com/github"),
        scopes=st.just(frozenset({"mcp:tool:delete_branch:delete"})), count=st.integers(1, 10**6), last_at=st.just(NOW),
    )  # fmt: skip
    later.live_leases, later.taken_leases = data.draw(st.lists(uses)), data.draw(st.lists(uses))
    first = drift(registry)
    second = find_drift(later.picture(declare(), now=moved))
    assert {one.fingerprint for one in first.findings} == {one.fingerprint for one in second.findings}
    assert len({one.fingerprint for one in first.findings}) == len(first.findings)


@given(GRANTS, PEOPLE)
@settings(max_examples=100, deadline=None)
def test_every_hand_made_grant_is_found_with_its_actor(grant, who):
    registry = Registry()
    fresh = grant.id not in {name for _, name in organisation()}
    registry.write(Kind.GRANTS, grant.id, grant, by=who)
    found = [one for one in drift(registry).findings if one.name == grant.id]
    if fresh:
        assert [one.cause.actor for one in found if one.cause] == [who]


@given(st.text("abcdef", min_size=1, max_size=8), PEOPLE)
@settings(max_examples=50, deadline=None)
def test_every_hand_made_binding_is_found_with_its_actor(subject, who):
    registry = Registry()
    binding = WorkloadBinding(trust_issuer="k8s-prod", agent="triage", oidc=OidcSubject(subject=subject))
    registry.write(Kind.WORKLOAD_BINDINGS, subject, binding, by=who)
    assert [(one.name, one.cause.actor) for one in drift(registry).findings if one.cause] == [(subject, who)]


@given(st.frozensets(st.sampled_from(["issues", "anything"])), st.one_of(st.none(), st.integers(60, 300)), PEOPLE)
@settings(max_examples=50, deadline=None)
def test_every_ceiling_changed_by_hand_is_found_with_its_actor(scopes, max_ttl, who):
    registry = Registry()
    ceiling = Ceiling(principal="team:payments", scopes=scopes, max_ttl=max_ttl)
    registry.write(Kind.CEILINGS, "payments", ceiling, by=who)
    found = drift(registry).findings
    if ceiling == organisation()[Kind.CEILINGS, "payments"]:
        assert found == ()
    else:
        assert found
        assert {(one.kind, one.cause.actor) for one in found if one.cause} == {(Kind.CEILINGS, who)}


@given(ENTITLEMENTS, ENTITLEMENTS)
def test_what_is_beyond_is_what_some_concrete_resource_shows(wide, narrow):
    words = ["", "web", "api", "w", "wb", "b", "~"]  # `~`: a letter no pattern knows

    def matches(pattern, word):
        head, star, tail = pattern.partition("*")
        return (
            word == pattern
            if not star
            else len(word) >= len(head + tail) and word[: len(head)] == head and (word[len(word) - len(tail) :] == tail)
        )

    def concrete(found):
        return {
            (one.tool, word) for one in found for word in (f"repo:{w}" for w in words) if matches(one.resource, word)
        }

    assert (beyond(wide, narrow) == frozenset()) == (concrete(wide) <= concrete(narrow))


@given(st.lists(GRANTS, max_size=4), st.frozensets(st.sampled_from(["issues", "anything"])))
@settings(max_examples=100, deadline=None)
def test_entitlements_agree_with_the_models_own_ceilings(grants, bound):
    objects = organisation()
    objects[Kind.CEILINGS, "cap"] = Ceiling(principal="organization", scopes=bound)
    objects |= {(Kind.GRANTS, grant.id): grant for grant in grants}
    world = World(objects)
    reach = {one for grant in world.grants_of("triage").values() for one in reach_of_grant(grant, world.of(Scope))}
    allowed = set(within_ceilings(reach, dict(world.of(Ceiling)), world.of(Scope)))
    server = objects[Kind.TOOL_SERVERS, "github"]
    assert entitlements(world, "triage", NOW) == frozenset(expanded(allowed, {"github": server}))


def test_a_world_that_supposes_something_leaves_the_first_alone():
    world = World(organisation())
    other = world.supposing(Kind.GRANTS, "triage/issues", None)
    assert "triage/issues" in world.grants_of("triage")
    assert "triage/issues" not in other.grants_of("triage")
    assert ceilings_above(world, "nobody") is None


def test_a_tool_that_the_server_does_not_list_gives_nothing():
    server = organisation()[Kind.TOOL_SERVERS, "github"]
    assert list(expanded([Reach("github", "unknown", "repo:web")], {"github": server})) == []
    assert list(expanded([Reach("elsewhere", "read_file", "repo:web")], {"github": server})) == []
