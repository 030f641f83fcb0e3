"""How often what drifted was really used: calls through the gateway, by agent and tool, as far back as was looked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.review.worlds import DELETE, NOW, Registry, declare, drift, only

from leasehold.model.calls import CallUse
from leasehold.model.kinds import Kind
from leasehold.review.blasts import USED_DAYS

AN_HOUR_AGO = NOW - timedelta(hours=1)


def called(*uses):
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    registry.called = list(uses)
    return only(drift(registry)).blast


def test_calls_of_the_very_tool_are_counted_and_those_of_others_are_not():
    blast = called(
        CallUse("triage", "github/delete_branch", 7, AN_HOUR_AGO),
        CallUse("triage", "github/read_file", 90, NOW),
        CallUse("triage", "jira/delete_branch", 90, NOW),
        CallUse("rival", "github/delete_branch", 90, NOW),
    )
    assert (blast.calls, blast.last_called) == (7, AN_HOUR_AGO)
    assert blast.calls_since == NOW - timedelta(days=USED_DAYS)


def test_a_tool_that_nobody_called_is_said_to_be_so():
    blast = called()
    assert (blast.calls, blast.last_called) == (0, None)


def test_every_tool_of_a_server_is_every_call_there():
    registry = Registry()
    wide = replace(
        DELETE, tools=frozenset({"*"}), resources=frozenset({"repo:*"}), allow_wildcard=True, justification="all"
    )
    registry.write(Kind.GRANTS, wide.id, wide)
    registry.called = [CallUse("triage", "github/anything", 2, NOW), CallUse("triage", "jira/anything", 2, NOW)]
    assert only(drift(registry)).blast.calls == 2


def test_counts_and_times_of_calls_are_no_part_of_what_a_finding_is_named_by():
    registry = Registry()
    registry.write(Kind.GRANTS, DELETE.id, DELETE)
    before = only(drift(registry)).fingerprint
    registry.called = [CallUse("triage", "github/delete_branch", 7, NOW)]
    found = only(drift(registry, declare()))
    assert found.fingerprint == before
    assert ("7 calls through the gateway",) in [part.because for part in found.score.parts]
