"""Events as OTLP logs over HTTP: the JSON encoding of the OpenTelemetry Protocol 1, `POST /v1/logs` (0040).

Encrypted, or to this machine alone. What a receiver says that it rejected was not taken.
"""

from __future__ import annotations

import ipaddress
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import httpx

from leasehold.model.events import Outcome
from leasehold.model.trail.telling import NotTaken, Told

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SEVERITY = {Outcome.OK: (9, "INFO"), Outcome.DENIED: (13, "WARN"), Outcome.ERROR: (17, "ERROR")}
_TRACE_DIGITS = 32
_SECONDS = 10.0
_SERVICE = "leasehold"
Json = dict[str, object]


def logs_request(told: Sequence[Told], form: Callable[[Told], str], version: str) -> Json:
    """An ExportLogsServiceRequest. What chains events is in their attributes, whatever the text is."""
    resource = {"attributes": _attributes({"service.name": _SERVICE, "service.version": version})}
    scope = {"name": "leasehold.audit", "version": version}
    records = [_record(one, form(one)) for one in told]
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}]}]}


class OtlpReceiver:
    """An OpenTelemetry collector, or what speaks like one."""

    def __init__(self, name: str, url: str, form: Callable[[Told], str], version: str, client: httpx.Client) -> None:
        self.name = name
        self._url, self._form, self._version, self._client = url, form, version, client

    def take(self, told: Sequence[Told]) -> None:
        """Send a batch. Raises `NotTaken`."""
        try:
            answer = self._client.post(self._url, json=logs_request(told, self._form, self._version))
        except httpx.HTTPError as error:
            raise NotTaken(f"OTLP: {type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            raise NotTaken(f"OTLP: the receiver answers {answer.status_code}")
        if rejected := _rejected(answer.content):
            raise NotTaken(f"OTLP: the receiver rejects {rejected} of {len(told)}")


def open_client(url: str, token: str | None, context: ssl.SSLContext | None) -> httpx.Client:
    """A client for a receiver at this URL. Raises `ValueError` where events would go out in the clear."""
    parts = httpx.URL(url)
    if parts.scheme != "https" and not _is_this_machine(parts.host):
        raise ValueError("events leave this machine encrypted: use otlp+https")
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    return httpx.Client(headers=headers, timeout=_SECONDS, verify=context or True, follow_redirects=False)


def _record(told: Told, text: str) -> Json:
    event, seal = told.record.event, told.seal
    number, word = _SEVERITY[event.outcome]
    at = str((event.at - _EPOCH) // _MICROSECOND * 1000)
    record: Json = {
        "timeUnixNano": at,
        "observedTimeUnixNano": at,
        "severityNumber": number,
        "severityText": word,
        "eventName": f"leasehold.{event.kind}.{event.action}",
        "body": {"stringValue": text},
        "attributes": _attributes(
            {
                "leasehold.audit.origin": told.origin,
                "leasehold.audit.position": seal.position,
                "leasehold.audit.previous": told.previous.hex(),
                "leasehold.audit.leaf": seal.leaf.hex(),
                "leasehold.principal": event.principal,
                "leasehold.outcome": event.outcome.value,
                "leasehold.reason": event.reason,
                "leasehold.owner": seal.about.owner,
                "leasehold.lease": seal.about.lease,
                "leasehold.deployment": seal.about.deployment,
                "gen_ai.agent.id": seal.about.agent,
                "gen_ai.tool.name": seal.about.tool,
                "user.id": seal.about.user,
                "client.address": event.origin.source,
            }
        ),
    }
    trace = event.origin.trace.lower()
    if len(trace) == _TRACE_DIGITS and all(c in "0123456789abcdef" for c in trace):
        record["traceId"] = trace
    return record


def _attributes(values: Mapping[str, str | int | None]) -> list[Json]:
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value not in {None, ""}]


def _value(value: str | int | None) -> Json:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _rejected(content: bytes) -> int:
    """How many log records were not taken (ExportLogsPartialSuccess); what is not JSON rejects nothing."""
    try:
        partial = json.loads(content or b"{}").get("partialSuccess", {})
        return int(partial.get("rejectedLogRecords", 0))
    except (ValueError, TypeError, AttributeError):
        return 0


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
