"""Receivers of events, out of the URLs that the settings give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import boto3

from leasehold.audit.cef import cef_line
from leasehold.audit.object_storage import S3Receiver
from leasehold.audit.ocsf import ocsf_document
from leasehold.audit.syslog import SyslogReceiver
from leasehold.model.trail.records import record_bytes
from leasehold.model.trail.telling import Told

_SYSLOG_PORT = 6514  # RFC 5425 §4.1


def open_receiver(name: str, url: str, version: str) -> SyslogReceiver | S3Receiver:
    """The receiver at a URL; `format` is `ocsf` (as usual), `cef` or `record`. Raises `ValueError`, `OSError`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    form = _form(options.pop("format", "ocsf"), version)
    authority = options.pop("ca", None)
    if options or not parts.hostname:
        raise ValueError(f"export `{name}`: an option that nobody knows, or no host")
    if parts.scheme == "s3":
        return S3Receiver(name, boto3.client("s3"), parts.netloc, parts.path.lstrip("/"), form)
    trusted = Path(authority) if authority is not None else None
    return SyslogReceiver(name, parts.hostname, parts.port or _SYSLOG_PORT, form, trusted)


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
