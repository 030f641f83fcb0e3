"""Whatever is done behind the code, to an object of whatever kind, is found: with who did it and when."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.unit.review.worlds import (
    DELETE,
    NOW,
    OWNS,
    READ,
    SCOPED,
    Registry,
    declare,
    drift,
    organisation,
    role_binding,
)

from leasehold.model.credentials import CredentialProfile, Federation
from leasehold.model.deployments import Deployment
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, OwnerState
from leasehold.model.pins import ToolPin
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Action, Tool
from leasehold.model.trust import IssuerType, OidcSubject, TrustIssuer, WorkloadBinding
from leasehold.review.findings import DriftClass

MALLORY = "oidc:mallory@example.com"
AT = NOW - timedelta(minutes=3)
ORGANISATION = organisation()
NAMES = {kind: next(name for of, name in ORGANISATION if of is kind) for kind in Kind}
CHANGES = {
    Kind.OWNERS: {"state": OwnerState.DISABLED},
    Kind.AGENTS: {"max_ttl": 60},
    Kind.TRUST_ISSUERS: {"jwks": '{"keys": [{}]}'},
    Kind.WORKLOAD_BINDINGS: {"kubernetes": None, "oidc": OidcSubject(subject="mallory")},
    Kind.TOOL_SERVERS: {"url": "https://evil.example.com"},
    Kind.TOOL_PINS: {"surface": '{"tools": [{"name": "drop_all"}]}'},
    Kind.SCOPES: {"resources": frozenset({"repo:web", "repo:secret"})},
    Kind.CEILINGS: {"max_ttl": 60},
    Kind.GRANTS: {"expires_at": NOW + timedelta(days=1)},
    Kind.DEPLOYMENTS: {"commit": "evil"},
    Kind.CREDENTIAL_PROFILES: {"federation": Federation(audience="https://evil.example.com")},
    Kind.POLICIES: {"document": "permit(principal, action, resource);"},
    Kind.USERS: {"roles": frozenset({"admin"})},
    Kind.RESOURCES: {"parents": frozenset({"folder:open"})},
    Kind.DRIFT_EXCEPTIONS: {"expires_at": NOW + timedelta(days=29)},
}
UNCHANGING = {
    Kind.GRANT_SETS: "a refreshed state lists what lives: the grants themselves are compared",
    Kind.RELATIONS: "its name says all of it: another tuple is another relation",
}
STRANGERS = {
    Kind.AGENTS: ("shadow", Agent(owner="alice", review_by=date(2027, 1, 1))),
    Kind.TRUST_ISSUERS: (
        "evil",
        TrustIssuer(
            type=IssuerType.OIDC, issuer="https://evil.example.com", audiences=frozenset({"leasehold"}), id_jag=True
        ),
    ),
    Kind.WORKLOAD_BINDINGS: (
        "backdoor", WorkloadBinding(trust_issuer="k8s-prod", agent="triage", oidc=OidcSubject(subject="m"))
    ),
    Kind.TOOL_PINS: ("jira", ToolPin(surface='{"tools": []}', justification="x")),
    Kind.CEILINGS: ("cap", Ceiling(principal="agent:triage", scopes=frozenset())),
    Kind.GRANTS: (DELETE.id, DELETE),
    Kind.DEPLOYMENTS: ("more", Deployment(agent="triage")),
    Kind.CREDENTIAL_PROFILES: (
        "loot", CredentialProfile(agents=frozenset({"triage"}), federation=Federation(audience="https://evil.example"))
    ),
    Kind.POLICIES: ("open", Policy(document="permit(principal, action, resource);", side=PolicySide.AGENT)),
    Kind.USERS: ("eve", User(ids=frozenset({"eve"}), roles=frozenset({"admin"}))),
    Kind.RESOURCES: ("safe", Resource(type="document", foreign_id="7")),
    Kind.RELATIONS: ("x", Relation(subject="user:eve", relation="owner", object="document:42")),
    Kind.DRIFT_EXCEPTIONS: (
        "sly", DriftException(fingerprint=f"sha256:{'1' * 64}", reason="x", expires_at=NOW + timedelta(days=1))
    ),
    Kind.GRANT_SETS: ("triage", GrantSet(grants=frozenset({READ.id, SCOPED.id}))),
}  # fmt: skip
HARMLESS = {
    Kind.OWNERS: "answers for nothing until an agent names it, which is found",
    Kind.TOOL_SERVERS: "gives nothing until it is granted, which is found",
    Kind.SCOPES: "gives nothing until it is granted, which is found",
}


def culprits(report, kind):
    found = [one for one in report.findings if one.kind is kind]
    assert found, kind
    assert all(one.cause is not None for one in found), [one.sentence for one in found]
    return {(one.cause.actor, one.cause.at) for one in found if one.cause is not None}


def test_the_tables_speak_of_every_kind():
    assert CHANGES.keys() | UNCHANGING.keys() == STRANGERS.keys() | HARMLESS.keys() == set(Kind)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_found_with_its_actor_and_time(kind):
    registry = Registry()
    changed = replace(registry.stored[kind, NAMES[kind]].spec, **CHANGES[kind])
    registry.write(kind, NAMES[kind], changed, by=MALLORY, at=AT)
    assert culprits(drift(registry), kind) == {(MALLORY, AT)}


@pytest.mark.parametrize("kind", Kind)
def test_a_deletion_is_found_with_its_actor_and_time(kind):
    registry = Registry()
    registry.delete(kind, NAMES[kind], by=MALLORY, at=AT)
    report = drift(registry)
    assert culprits(report, kind) == {(MALLORY, AT)}
    assert any(DriftClass.GHOST in one.states for one in report.findings if one.kind is kind)


@pytest.mark.parametrize("kind", STRANGERS)
def test_what_was_made_by_hand_is_found_with_its_actor_and_time(kind):
    name, stranger = STRANGERS[kind]
    name = stranger.id if isinstance(stranger, Relation) else name
    registry, objects = Registry(), organisation()
    if (kind, name) in objects:  # a claim on a declared agent, which the code does not make
        del objects[kind, name], registry.stored[kind, name], registry.versions[kind, name]
    registry.write(kind, name, stranger, by=MALLORY, at=AT)
    report = drift(registry, declare(objects))
    assert (MALLORY, AT) in culprits(report, kind)
    assert any(one.class_ is DriftClass.UNMANAGED and one.name == name for one in report.findings)


def test_everything_at_once_hides_nothing():
    registry = Registry()
    for kind, changes in CHANGES.items():
        changed = replace(registry.stored[kind, NAMES[kind]].spec, **changes)
        registry.write(kind, NAMES[kind], changed, by=MALLORY, at=AT)
    report = drift(registry)
    assert {one.kind for one in report.findings} >= CHANGES.keys()
    for kind in CHANGES.keys() - {Kind.AGENTS}:  # an agent is also orphaned, by what was done to its owner
        assert culprits(report, kind) == {(MALLORY, AT)}


@pytest.mark.parametrize("seed", range(12))
def test_a_seeded_mixture_over_all_kinds_is_found_whole(seed):
    """To every kind one thing is done, by somebody else and at another time each: nothing hides behind another."""
    rnd, registry, done = random.Random(seed), Registry(), {}  # noqa: S311  a table of cases
    for at, kind in enumerate(rnd.sample(list(Kind), len(Kind))):
        who, when = f"oidc:mallory-{at}@example.com", AT + timedelta(seconds=at)
        name, ways = NAMES[kind], ["delete", *(["change"] if kind in CHANGES else [])]
        if kind in STRANGERS and kind is not Kind.GRANT_SETS:
            ways.append("make")
        match rnd.choice(ways):
            case "delete":
                registry.delete(kind, name, by=who, at=when)
            case "change":
                changed = replace(registry.stored[kind, name].spec, **CHANGES[kind])
                registry.write(kind, name, changed, by=who, at=when)
            case _:
                name, stranger = STRANGERS[kind]
                name = stranger.id if isinstance(stranger, Relation) else name
                registry.write(kind, name, stranger, by=who, at=when)
        done[kind, name] = (who, when)
    report = drift(registry)
    causes = {(one.kind, one.name): set() for one in report.findings}
    for one in report.findings:
        causes[one.kind, one.name] |= {(one.cause.actor, one.cause.at)} if one.cause is not None else set()
    assert {key: who for key, who in done.items() if who not in causes.get(key, set())} == {}


def test_a_hand_made_grant_of_an_agent_that_nobody_declares_is_found_on_a_declared_server():
    registry = Registry()
    registry.write(Kind.AGENTS, "shadow", Agent(owner="bob", review_by=date(2027, 1, 1)), by=MALLORY, at=AT)
    for target in ({"tool_server": "github", "tools": frozenset({"delete_branch"})}, {"scope": "issues"}):
        grant = Grant(agent="shadow", resources=frozenset({"repo:web"}), **target)
        registry.write(Kind.GRANTS, grant.id, grant, by=MALLORY, at=AT)
        found = [one for one in drift(registry).findings if one.name == grant.id]
        assert [(one.class_, one.agent) for one in found] == [(DriftClass.UNMANAGED, "shadow")]


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_moves_nothing_by_itself_is_no_noise(kind):
    registry = Registry()
    registry.write(kind, "spare", ORGANISATION[kind, NAMES[kind]], by=MALLORY, at=AT)
    assert drift(registry).findings == ()


def test_a_new_tool_of_a_declared_server_is_found():
    registry = Registry()
    tools = {**ORGANISATION[Kind.TOOL_SERVERS, "github"].tools, "drop_all": Tool(action=Action.DELETE)}
    server = replace(ORGANISATION[Kind.TOOL_SERVERS, "github"], tools=tools)
    registry.write(Kind.TOOL_SERVERS, "github", server, by=MALLORY, at=AT)
    report = drift(registry)
    assert culprits(report, Kind.TOOL_SERVERS) == {(MALLORY, AT)}
    assert DriftClass.TOOL_SURFACE in report.findings[0].states


def test_a_role_for_a_stranger_is_found_where_roles_are_declared():
    registry, roles = Registry(), {(Kind.WORKLOAD_BINDINGS, "admin"): role_binding()}
    for (kind, name), spec in roles.items():
        registry.write(kind, name, spec, by="ci", stack="prod")
    registry.write(Kind.WORKLOAD_BINDINGS, "me-too", role_binding(), by=MALLORY, at=AT)
    assert culprits(drift(registry, declare(organisation() | roles)), Kind.WORKLOAD_BINDINGS) == {(MALLORY, AT)}


def test_an_issuer_that_nobody_is_bound_to_is_found_where_roles_are_declared_and_no_noise_elsewhere():
    registry, roles = Registry(), {(Kind.WORKLOAD_BINDINGS, "admin"): role_binding()}
    registry.write(Kind.WORKLOAD_BINDINGS, "admin", role_binding(), by="ci", stack="prod")
    registry.write(Kind.TRUST_ISSUERS, "bootstrap", ORGANISATION[Kind.TRUST_ISSUERS, "k8s-prod"], by=MALLORY, at=AT)
    assert culprits(drift(registry, declare(organisation() | roles)), Kind.TRUST_ISSUERS) == {(MALLORY, AT)}
    registry.delete(Kind.WORKLOAD_BINDINGS, "admin")
    assert drift(registry).findings == ()


def test_the_samples_are_what_they_seem():
    assert OWNS.id == NAMES[Kind.RELATIONS]
