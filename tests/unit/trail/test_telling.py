"""Events in the formats of others, and told to them: each at least once, in order, with what chains it."""

import json
from dataclasses import replace

import boto3
import jsonschema
import pytest
from moto import mock_aws
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from tests.fakes.trail_world import NAME, START, TrailWorld, event

from leasehold.audit.cef import cef_line
from leasehold.audit.object_storage import S3Receiver
from leasehold.audit.ocsf import ocsf_document
from leasehold.audit.syslog import syslog_message
from leasehold.model.events import Origin, Outcome
from leasehold.model.records import AuditRecord
from leasehold.model.trail.queries import facets_of
from leasehold.model.trail.records import Seal
from leasehold.model.trail.telling import NotTaken, Told
from leasehold.trail.telling import DEAD_AFTER, Teller, record_configuration

SCHEMA = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
HOSTILE = 'a|b=c\\d\n<13>1 "]\r\x00\x1b[31m\u202e é'


def told(**changes):
    one = event(0, origin=Origin("192.0.2.7", "ab" * 16), **changes)
    seal = Seal(7, 8, b"\x02" * 32, replace(facets_of(one), owner="payments-oncall"))
    return Told(origin=NAME, previous=b"\x01" * 32, seal=seal, record=AuditRecord(8, one))


CASES = [
    ({}, 6003),
    ({"kind": "leases", "action": "exchange", "name": "l1", "detail": {"resource": "https://mcp.example"}}, 3002),
    ({"kind": "leases", "action": "exchange", "name": "", "outcome": Outcome.DENIED, "reason": "no_binding"}, 3002),
    ({"kind": "leases", "action": "revoke", "name": "l1"}, 3002),
    ({"kind": "grants", "action": "create", "name": "triage/github.read_file@repo:web"}, 3005),
    ({"kind": "grants", "action": "delete", "name": "triage/github.read_file@repo:web"}, 3005),
    ({"kind": "agents", "action": "update", "name": "triage"}, 3004),
    ({"kind": "server", "action": "start", "name": "0.1.0"}, 3004),
    ({"kind": "audit-trail", "action": "export", "outcome": Outcome.ERROR}, 6003),
    ({"kind": HOSTILE, "action": HOSTILE, "name": HOSTILE, "principal": HOSTILE, "reason": HOSTILE}, 6003),
]


@pytest.mark.parametrize(("changes", "class_uid"), CASES)
@pytest.mark.parametrize("origin", [Origin(), Origin("192.0.2.7", "ab" * 16), Origin("unix socket")])
def test_every_event_is_ocsf_by_the_published_schema(changes, class_uid, origin):
    one = told(**changes)
    one = replace(one, record=AuditRecord(8, replace(one.record.event, origin=origin)))
    document = json.loads(json.dumps(ocsf_document(one)))
    assert document["class_uid"] == class_uid
    schema = SCHEMA.get_class_schema(SCHEMA.lookup_class_name_from_uid(class_uid), [])
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["unmapped"]["previous"] == "01" * 32
    assert document["metadata"]["sequence"] == 7
    assert document["unmapped"]["about"]["owner"] == "payments-oncall"


def test_cef_is_one_line_whatever_is_in_it():
    line = cef_line(told(action=HOSTILE, principal=HOSTILE, reason=HOSTILE, kind="a|b"), "0.1")
    assert len(line.splitlines()) == 1
    assert line.startswith("CEF:0|Leasehold|Leasehold|0.1|a\\|b.a\\|b=c\\\\d <13>1")
    assert line.isprintable()
    assert "reason=a|b\\=c\\\\d\\n<13>1" in line
    assert f"cs4={'01' * 32}" in line


def test_a_syslog_message_has_its_chain_in_structured_text():
    message = syslog_message(told(kind=HOSTILE), "said")
    head = '<109>1 2026-11-20T22:00:00.000000Z registry.example leasehold - a|b=c\\d-<13>1-"]----[31m-- '
    assert message.startswith(head[:60].encode())
    assert b' [trail@32473 position="7" previous="' + b"01" * 32 in message
    assert message.endswith(b"\xef\xbb\xbfsaid")


class Receiver:
    """Takes what it is told, unless it is away or chokes on one."""

    name = "siem"

    def __init__(self):
        self.taken, self.away, self.chokes_on, self.back_after = [], False, None, None

    def take(self, told):
        if self.back_after is not None:
            self.back_after -= 1
            self.away = self.away and self.back_after > 0
        if self.away or any(one.record.event.name == self.chokes_on for one in told):
            raise NotTaken("no")
        self.taken += told


@pytest.fixture
def world(tmp_path):
    made = TrailWorld(tmp_path)
    made.grow(450, every=450)
    return made


def teller(world, receiver):
    return Teller(world.store, receiver, NAME, lambda: world.now)


def test_all_is_told_in_order_and_nothing_twice(world):
    receiver = Receiver()
    first = teller(world, receiver)
    while first.tell():
        continue
    world.grow(3)
    assert teller(world, receiver).tell() == 3  # another start, or another server
    assert [one.position for one in receiver.taken] == list(range(453))
    assert all(
        after.previous == before.seal.leaf for before, after in zip(receiver.taken, receiver.taken[1:], strict=False)
    )


def test_a_receiver_that_is_away_is_told_all_of_it_when_it_is_back(world):
    receiver = Receiver()
    receiver.away = True
    one = teller(world, receiver)
    for _ in range(DEAD_AFTER + 3):
        assert one.tell() == 0
    receiver.away = False
    while one.tell():
        continue
    assert len(receiver.taken) == 450


def test_an_event_that_is_not_taken_while_others_are_is_set_aside_and_that_is_an_event(world):
    receiver = Receiver()
    receiver.chokes_on = "d5"
    one = teller(world, receiver)
    for _ in range(DEAD_AFTER):
        one.tell()
    while one.tell():
        continue
    assert sorted({each.position for each in receiver.taken}) == [n for n in range(450) if n != 5]
    with world.store.read() as unit:
        (dead,) = [record.event for record in unit.audit.list(kind="audit-trail")]
    assert (dead.action, dead.detail["position"], dead.reason) == ("dead-letter", 5, "no")


def test_a_receiver_that_comes_back_while_events_are_tried_one_by_one_gets_all_of_them(world):
    receiver = Receiver()
    receiver.away = True
    one = teller(world, receiver)
    for _ in range(DEAD_AFTER - 1):
        one.tell()
    receiver.back_after = 90  # of the two hundred that are tried alone
    while one.tell():
        continue
    assert {each.position for each in receiver.taken} == set(range(450))
    with world.store.read() as unit:
        assert unit.audit.list(kind="audit-trail") == []


def test_a_configuration_is_on_record_once_and_again_when_it_changes(world):
    for said in ('{"to":"a"}', '{"to":"a"}', '{"to":"b"}'):
        record_configuration(world.store, "siem", said, world.now)
    with world.store.read() as unit:
        assert [record.event.detail["to"] for record in unit.audit.list(kind="audit-trail")] == ["b", "a"]


def test_s3_gets_batches_named_by_their_places(world):
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        receiver = S3Receiver("lake", client, "lake", "audit/", lambda one: json.dumps(ocsf_document(one)))
        one = teller(world, receiver)
        while one.tell():
            continue
        keys = [found["Key"] for found in client.list_objects_v2(Bucket="lake")["Contents"]]
        assert keys[0] == f"audit/{0:020d}-{199:020d}.ndjson"
        lines = client.get_object(Bucket="lake", Key=keys[-1])["Body"].read().splitlines()
        assert json.loads(lines[-1])["metadata"]["sequence"] == 449
        client.delete_bucket  # noqa: B018  it goes with the fake
    assert START is not None
