"""Events as OTLP logs: by OpenTelemetry's own message definitions, and nothing counts as taken that was not."""

import json
from base64 import b64encode
from dataclasses import replace

import httpx
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from tests.unit.trail.test_telling import CASES, HOSTILE, told

from leasehold.audit.otlp import OtlpReceiver, logs_request, open_client
from leasehold.audit.receivers import open_receiver
from leasehold.model.events import Origin
from leasehold.model.records import AuditRecord
from leasehold.model.trail.telling import NotTaken


def parsed(*events):
    """As OpenTelemetry's own definitions read it; an unknown field is an error."""
    document = json.loads(json.dumps(logs_request(events, lambda one: one.record.event.reason or "said", "0.1")))
    return json_format.ParseDict(_with_base64(document), ExportLogsServiceRequest())


def _with_base64(document):
    """OTLP spells ids in hex where protobuf's own JSON has base64: the one difference between the two."""
    for record in document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        if "traceId" in record:
            record["traceId"] = b64encode(bytes.fromhex(record["traceId"])).decode()
    return document


@pytest.mark.parametrize(("changes", "_class"), CASES)
def test_every_event_is_a_log_record_by_the_published_definitions(changes, _class):
    (resource,) = parsed(told(**changes)).resource_logs
    (record,) = resource.scope_logs[0].log_records
    said = {one.key: one.value for one in record.attributes}
    assert said["leasehold.audit.position"].int_value == 7
    assert said["leasehold.audit.previous"].string_value == "01" * 32
    assert said["leasehold.audit.leaf"].string_value == "02" * 32
    assert said["leasehold.owner"].string_value == "payments-oncall"
    assert record.trace_id.hex() == "ab" * 16
    assert record.time_unix_nano == 1795212000 * 10**9
    assert resource.resource.attributes[0].value.string_value == "leasehold"


def test_a_trace_that_is_none_and_hostile_text_go_out_as_they_are():
    one = told(reason=HOSTILE)
    event = replace(one.record.event, origin=Origin("", "no trace"))
    record = parsed(replace(one, record=AuditRecord(8, event))).resource_logs[0].scope_logs[0].log_records[0]
    assert record.trace_id == b""
    assert record.body.string_value == HOSTILE


def receiver(answer):
    sent = []

    def serve(request):
        sent.append(request)
        return answer

    client = httpx.Client(transport=httpx.MockTransport(serve))
    return OtlpReceiver("otel", "https://otel.example/v1/logs", lambda _: "said", "0.1", client), sent


@pytest.mark.parametrize("answer", [b"{}", b"", b"no json", b'{"partialSuccess":{"errorMessage":"slow down"}}', b"[]"])
def test_what_the_receiver_takes_is_taken(answer):
    one, sent = receiver(httpx.Response(200, content=answer))
    one.take([told(), told()])
    assert len(json.loads(sent[0].content)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]) == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "secret"}}),
        httpx.Response(204),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(401),
        httpx.Response(429),
        httpx.Response(503),
    ],
)
def test_what_the_receiver_does_not_take_is_told_again(answer):
    one, sent = receiver(answer)
    with pytest.raises(NotTaken, match=r"^OTLP: the receiver (answers|rejects)"):
        one.take([told()])
    assert len(sent) == 1


def test_a_receiver_that_does_not_answer_took_nothing():
    def fails(request):
        raise httpx.ConnectError("refused", request=request)

    client = httpx.Client(transport=httpx.MockTransport(fails))
    one = OtlpReceiver("otel", "https://otel.example/v1/logs", lambda _: "said", "0.1", client)
    with pytest.raises(NotTaken, match="ConnectError"):
        one.take([told()])


def test_nothing_leaves_this_machine_in_the_clear():
    for url in ("http://otel.example:4318/v1/logs", "http://10.0.0.1:4318/v1/logs", "http://localhost.evil.example/"):
        with pytest.raises(ValueError, match="encrypted"):
            open_client(url, None, None)
    for url in (
        "https://otel.example/v1/logs",
        "http://127.0.0.1:4318/v1/logs",
        "http://[::1]:4318/",
        "http://localhost/",
    ):
        open_client(url, None, None).close()


def test_a_token_is_named_and_shown_to_the_receiver_alone():
    secrets = {"OTEL_TOKEN": "s3cr3t"}
    one = open_receiver("otel", "otlp+https://otel.example?token=otel-token", "0.1", secrets)
    assert one._url == "https://otel.example/v1/logs"
    assert one._client.headers["authorization"] == "Bearer s3cr3t"
    for url in ("otlp+https://otel.example?token=other", "s3://bucket/x?token=otel-token", "otlp+http://otel.example"):
        with pytest.raises(ValueError, match=r"token|option|encrypted"):
            open_receiver("otel", url, "0.1", secrets)
