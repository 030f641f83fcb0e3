"""Authority that is no object: whoever lets an agent use a connection, or a client become it, is found with a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.review.worlds import ALICE, BORN, NOW, TOUCHED, Registry, drift, only

from leasehold.model.connections import Connection, Personal, Promotion, Shared
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.kinds import Kind
from leasehold.model.records import AuditRecord
from leasehold.model.registrations import ClientMetadata, RegisteredClient
from leasehold.model.upstream import Method
from leasehold.review.drift import find_drift
from leasehold.review.findings import DriftClass, Risk
from leasehold.review.handed_out import HandedOut

PROMOTION = Promotion(
    agent="triage",
    tool_server="github",
    connection="c-1",
    holder=Shared(),
    agent_since=BORN,
    promoted_at=TOUCHED,
    promoted_by=ALICE,
    justification="nightly `run`",
)
CONNECTION = Connection(
    id="c-1",
    holder=Shared(),
    tool_server="github",
    address="https://mcp.example.com/github",
    method=Method.API_KEY,
    created_at=TOUCHED - timedelta(days=1),
    created_by="oidc:sec",
    ancestors=(),
    updated_at=TOUCHED,
)
CLIENT = RegisteredClient(
    metadata=ClientMetadata(client_id="dyn.1", redirect_uris=frozenset(), grants=frozenset({"client_credentials"})),
    agent="triage",
    token_sha256="ab" * 32,
    created_at=TOUCHED,
)


def holding(**held):
    registry = Registry()
    registry.handed_out = HandedOut(**held)
    return registry


def told(registry, kind, name, action, at=TOUCHED, **detail):
    event = AuditEvent(
        at=at,
        principal=detail.pop("principal", ALICE),
        action=action,
        kind=kind,
        name=name,
        outcome=Outcome.OK,
        detail=detail,
    )
    registry.events.setdefault((kind, name), []).insert(0, AuditRecord(900 + len(registry.events), event))


def test_a_connection_that_an_agent_may_use_is_found_with_whoever_promoted_it():
    registry = holding(promotions=[PROMOTION], connections=[CONNECTION])
    told(registry, "connections", "c-1", "promote", agent="triage")
    finding = only(drift(registry))
    assert (finding.class_, finding.agent, finding.kind, finding.name) == (
        DriftClass.UNMANAGED,
        "triage",
        Kind.AGENTS,
        "triage",
    )
    assert finding.sentence.startswith("agent `triage` may use shared connection `default` at tool server `github`")
    assert (finding.cause.actor, finding.cause.at, finding.cause.operation) == (ALICE, TOUCHED, "promote")
    assert finding.cause.event is not None
    assert finding.risk is Risk.HIGH, "the agent runs in production"
    assert finding.fix.revert == "leasehold connections demote c-1 --agent triage"
    assert finding.states == (DriftClass.UNMANAGED,)


def test_a_shared_connection_that_nobody_uses_is_a_secret_that_is_kept():
    finding = only(drift(holding(connections=[CONNECTION])))
    assert (finding.risk, finding.kind, finding.agent) == (Risk.LOW, Kind.TOOL_SERVERS, None)
    assert (finding.cause.actor, finding.cause.at) == ("oidc:sec", CONNECTION.created_at)
    assert finding.fix.revert == "leasehold connections remove c-1"


def test_what_people_connect_for_themselves_and_what_bears_on_others_is_no_finding():
    others = replace(PROMOTION, agent="rival")
    elsewhere = replace(CONNECTION, tool_server="jira")
    foreign = replace(CLIENT, agent="rival")
    assert drift(holding(promotions=[others], connections=[elsewhere], clients=[foreign])).findings == ()
    assert Personal("user:idp/ada").key.startswith("user:")


def test_an_agent_that_was_registered_anew_has_nothing_of_what_an_earlier_one_had():
    stale = replace(PROMOTION, agent_since=BORN - timedelta(days=1))
    finding = only(drift(holding(promotions=[stale], connections=[CONNECTION])))
    assert "used by no agent" in finding.sentence


def test_a_client_that_registered_itself_is_found_with_whoever_let_it_in():
    registry = holding(clients=[CLIENT])
    told(registry, "clients", "dyn.1", "register", principal="client:dyn.1", agent="triage", vouched_by=None)
    told(registry, "registration-tokens", "triage", "issue", at=TOUCHED - timedelta(hours=1), principal="oidc:carol")
    finding = only(drift(registry))
    assert finding.sentence == "client `dyn.1` registered itself and can become agent `triage`"
    assert (finding.cause.actor, finding.cause.at) == ("oidc:carol", TOUCHED)
    assert finding.risk is Risk.CRITICAL


@pytest.mark.parametrize("tokens", [0, 2])
def test_where_nobody_can_tell_whose_token_it_was_the_client_itself_is_named(tokens):
    registry = holding(clients=[CLIENT])
    for number in range(tokens):
        told(registry, "registration-tokens", "triage", "issue", at=BORN, principal=f"oidc:{number}")
    assert only(drift(registry)).cause.actor == "client:dyn.1"


def test_a_software_statement_names_the_binding_that_vouched():
    registry = holding(clients=[CLIENT])
    told(registry, "clients", "dyn.1", "register", principal="client:dyn.1", agent="triage", vouched_by="store")
    assert only(drift(registry)).cause.actor == "binding:store"


def test_another_account_or_another_key_is_another_finding_and_time_is_none():
    def named(**held):
        return only(drift(holding(**held))).fingerprint

    assert named(promotions=[PROMOTION]) == named(promotions=[replace(PROMOTION, promoted_at=NOW, promoted_by="x")])
    assert named(promotions=[PROMOTION]) != named(promotions=[replace(PROMOTION, connection="c-2")])
    keyed = replace(CLIENT, metadata=replace(CLIENT.metadata, jwks='{"keys": [1]}'))
    assert named(clients=[CLIENT]) != named(clients=[keyed])


def test_hostile_words_stay_between_backticks():
    hostile = replace(PROMOTION, justification="](http://evil) `@all`")
    sentence = only(drift(holding(promotions=[hostile]))).sentence
    assert sentence.count("`") % 2 == 0
    assert find_drift is not None
