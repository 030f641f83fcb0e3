"""Receivers of events, out of the URLs that the settings give them."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import boto3

from leasehold.audit.cef import cef_line
from leasehold.audit.object_storage import S3Receiver
from leasehold.audit.ocsf import ocsf_document
from leasehold.audit.otlp import OtlpReceiver, open_client
from leasehold.audit.syslog import SyslogReceiver
from leasehold.model.trail.records import record_bytes
from leasehold.model.trail.telling import Told

_SYSLOG_PORT = 6514  # RFC 5425 §4.1
_LOGS = "/v1/logs"


def open_receiver(
    name: str, url: str, version: str, secrets: Mapping[str, str]
) -> SyslogReceiver | S3Receiver | OtlpReceiver:
    """The receiver at a URL; `format` is `ocsf` (as usual), `cef` or `record`. Raises `ValueError`, `OSError`.

    `token` names one of `secrets`, to show to an OTLP receiver.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    form = _form(options.pop("format", "ocsf"), version)
    authority, token = options.pop("ca", None), options.pop("token", None)
    if options or not parts.hostname or (token is not None and not parts.scheme.startswith("otlp")):
        raise ValueError(f"export `{name}`: an option that nobody knows, or no host")
    if parts.scheme == "s3":
        return S3Receiver(name, boto3.client("s3"), parts.netloc, parts.path.lstrip("/"), form)
    trusted = Path(authority) if authority is not None else None
    if parts.scheme.startswith("otlp"):
        whole = f"{parts.scheme.removeprefix('otlp+')}://{parts.netloc}{parts.path.rstrip('/') or _LOGS}"
        context = ssl.create_default_context(cafile=trusted) if trusted is not None else None
        return OtlpReceiver(name, whole, form, version, open_client(whole, _named(token, secrets), context))
    return SyslogReceiver(name, parts.hostname, parts.port or _SYSLOG_PORT, form, trusted)


def _named(token: str | None, secrets: Mapping[str, str]) -> str | None:
    if token is None:
        return None
    found = secrets.get(token.replace("-", "_").upper())
    if found is None:
        raise ValueError("no secret has the name that `token` says")
    return found


def _record(told: Told) -> str:
    seal = told.seal
    return record_bytes(told.record, seal.position, told.previous, seal.about, seal.version).decode()


def _form(name: str, version: str) -> Callable[[Told], str]:
    if name == "cef":
        return lambda told: cef_line(told, version)
    if name == "record":
        return _record
    if name != "ocsf":
        raise ValueError("an export's format is ocsf, cef or record")
    return lambda told: json.dumps(ocsf_document(told), separators=(",", ":"))
