"""What receivers send and get (SSF 1.0 §7.1, §8.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from leasehold.model.errors import FieldError, InvalidBody
from leasehold.model.signals import EVENTS_SUPPORTED, PUSH, Stream, StreamStatus, stream_audience
from leasehold.signals.records import StreamWish
from leasehold.signals.streams import VERIFY_EVERY
from leasehold.web.bodies import Json, parse_as

STREAMS, STATUS, VERIFY = "/ssf/streams", "/ssf/status", "/ssf/verify"
ADD_SUBJECT, REMOVE_SUBJECT = "/ssf/subjects:add", "/ssf/subjects:remove"
_EVENTS_MAX = 100
_HEADER_MAX = 4096
# What a receiver got from us and may send back with a change; we said it, so it is not asked (§8.1.1.3).
_OURS = frozenset({"iss", "aud", "events_supported", "events_delivered", "min_verification_interval"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryBody:
    """Where and how (§8.1.1, RFC 8935). Poll delivery is not served."""

    method: Literal["urn:ietf:rfc:8935"]
    endpoint_url: str
    authorization_header: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBody:
    """A stream as its receiver wants it."""

    stream_id: str | None = None
    delivery: DeliveryBody | None = None
    events_requested: list[str] | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusBody:
    """§8.1.2.2."""

    stream_id: str
    status: StreamStatus
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectBody:
    """§8.1.3. `verified` is the receiver's word about the subject, which changes nothing here."""

    stream_id: str
    subject: dict[str, object]
    verified: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyBody:
    """§8.1.4.2."""

    stream_id: str
    state: str = ""


def stream_body(body: Json) -> StreamBody:
    """A configuration, without what is ours to say. Raises `InvalidBody`."""
    found = parse_as(StreamBody, {name: value for name, value in body.items() if name not in _OURS})
    if found.events_requested is not None and len(found.events_requested) > _EVENTS_MAX:
        raise InvalidBody([FieldError("events_requested", f"must be at most {_EVENTS_MAX}")])
    header = found.delivery.authorization_header if found.delivery is not None else None
    if header is not None and not (header.isascii() and header.isprintable() and len(header) <= _HEADER_MAX):
        raise InvalidBody([FieldError("delivery.authorization_header", "must be one line of printable ASCII")])
    return found


def wish_of(body: StreamBody, *, whole: bool) -> StreamWish:
    """What a body asks for. `whole`: what it leaves out falls back to the default (PUT), else it stays (PATCH)."""
    delivery = body.delivery
    events = frozenset(body.events_requested) if body.events_requested is not None else None
    header = delivery.authorization_header if delivery is not None else None
    return StreamWish(
        endpoint=delivery.endpoint_url if delivery is not None else None,
        authorization="" if whole and header is None else header,
        events=EVENTS_SUPPORTED if whole and events is None else events,
        description="" if whole and body.description is None else body.description,
    )


def stream_document(issuer: str, stream: Stream) -> Mapping[str, object]:
    """A stream as its receiver sees it. The authorization header is not told."""
    return {
        "stream_id": stream.id,
        "iss": issuer,
        "aud": stream_audience(issuer, stream.id),
        "delivery": {"method": PUSH, "endpoint_url": stream.endpoint},
        "events_supported": sorted(EVENTS_SUPPORTED),
        "events_requested": sorted(stream.events),
        "events_delivered": sorted(stream.events & EVENTS_SUPPORTED),
        "min_verification_interval": int(VERIFY_EVERY.total_seconds()),
        "description": stream.description,
    }


def status_document(stream: Stream) -> Mapping[str, object]:
    """§8.1.2.1."""
    reason = {"reason": stream.reason} if stream.reason else {}
    return {"stream_id": stream.id, "status": stream.status.value, **reason}


def configuration_document(issuer: str) -> Mapping[str, object]:
    """`/.well-known/ssf-configuration` (§7.1)."""
    return {
        "spec_version": "1_0",
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "delivery_methods_supported": [PUSH],
        "configuration_endpoint": issuer + STREAMS,
        "status_endpoint": issuer + STATUS,
        "add_subject_endpoint": issuer + ADD_SUBJECT,
        "remove_subject_endpoint": issuer + REMOVE_SUBJECT,
        "verification_endpoint": issuer + VERIFY,
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }
