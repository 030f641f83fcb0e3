"""Wiring of the audit trail: who seals it, where its checkpoints are kept, and the doors to it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from threading import Event, Thread

from leasehold.audit.file_anchor import FileAnchor
from leasehold.audit.git_anchor import GitAnchor
from leasehold.audit.receivers import open_receiver
from leasehold.audit.s3_anchor import open_s3_anchor
from leasehold.keys.content_cipher import ContentCipher
from leasehold.keys.kms_keys import UnusableKmsKey
from leasehold.keys.sealing import FileSealer
from leasehold.keys.trail_keys import open_trail_key
from leasehold.model.errors import Unavailable
from leasehold.sealing_process import SealingProcess
from leasehold.settings import InvalidSetting, Settings
from leasehold.store.sql_store import SqlStore, open_store
from leasehold.trail.contents import Contents
from leasehold.trail.ports import Anchor, CheckpointSigner, Receiver
from leasehold.trail.retention import prune_due
from leasehold.trail.rotating import rotate, signer_of
from leasehold.trail.sealing import Sealer
from leasehold.trail.starting import record_start
from leasehold.trail.telling import Teller, record_configuration
from leasehold.web.doors import TrailDoors

_SECRETS_OF_URLS = "://"
_PRUNE_SECONDS = 600.0
_log = logging.getLogger(__name__)


class AnotherTrailKey(Exception):
    """The database holds a trail that another key signs: to go on with this one would fork it."""


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """The doors, and what ends the worker behind them."""

    doors: TrailDoors
    close: Callable[[], None]


def trail_doors(
    settings: Settings, store: SqlStore, clock: Callable[[], datetime], apart: SealingProcess | None = None
) -> AuditTrail:
    """The trail, with its sealer at work: in `apart`, or in a thread.

    Raises `AnotherTrailKey`, `UnsafeKeyFile`, `InvalidSetting`.
    """
    key = _signer(settings, store, clock)
    record_start(store, version("leasehold"), _configuration(settings), clock())
    sealer = _sealer(settings, store, key, clock)
    stop = Event()
    if apart is not None:
        apart.begin()
    worker = Thread(target=_seal, args=(sealer, apart, stop), name="leasehold-audit-trail", daemon=True)
    worker.start()
    for name, url in settings.audit_exports.items():
        teller = Teller(store, _receiver(name, url, settings), key.name, clock)
        record_configuration(store, name, json.dumps({"to": url}), clock())
        Thread(target=teller.run, args=(stop,), name=f"leasehold-export-{name}", daemon=True).start()
    if settings.audit_retention:
        forget = Thread(
            target=_prune_for_ever, args=(settings, store, clock, stop), name="leasehold-retention", daemon=True
        )
        forget.start()

    def close() -> None:
        stop.set()
        if apart is not None:
            apart.end()
        worker.join()

    contents = Contents(store, ContentCipher(FileSealer(settings.sealing_key)), clock)
    return AuditTrail(TrailDoors(store=store, sealer=sealer, contents=contents, exports=settings.audit_exports), close)


def seal_for_ever(settings: Settings, clock: Callable[[], datetime], stop: Event) -> None:
    """Seal what the server of these settings writes, in another process than it. Raises `Unavailable`."""
    store = open_store(settings.database_url)
    _sealer(settings, store, _signer(settings, store, clock), clock).run(stop)
    store.close()


def _sealer(settings: Settings, store: SqlStore, key: CheckpointSigner, clock: Callable[[], datetime]) -> Sealer:
    return Sealer(store, key, clock, [_anchor(text) for text in settings.audit_anchors])


def _seal(sealer: Sealer, apart: SealingProcess | None, stop: Event) -> None:
    """Seal until `stop`; from when the process that did it has ended too early, if there is one."""
    if apart is not None:
        code = apart.wait()
        if stop.is_set():
            return
        _log.error("the process that seals the audit trail ended (%s): the server seals by itself", code)
    sealer.run(stop)


def _signer(settings: Settings, store: SqlStore, clock: Callable[[], datetime]) -> CheckpointSigner:
    """The key that signs; of the trail's own, or handed over to by that. Raises `AnotherTrailKey`."""
    key = _open_key(settings.audit_signer, settings)
    with store.begin() as unit:  # replicas on one database sign with one key, or verification would fail later
        first = unit.shared_secrets.agree("audit-verifier-key", key.verifier_key)
        now = signer_of(unit.trail) or first
    if now == key.verifier_key:
        return key
    before = _open_key(settings.audit_key_before, settings) if settings.audit_key_before else None
    if before is None or before.verifier_key != now:
        raise AnotherTrailKey(
            f"the audit trail of this database is signed with `{now}`: share its key (LEASEHOLD_AUDIT_KEY) and keep "
            "LEASEHOLD_ISSUER, or name it as LEASEHOLD_AUDIT_KEY_BEFORE for this key to follow it"
        )
    rotate(store, before, key, clock)
    return key


def _open_key(where: str, settings: Settings) -> CheckpointSigner:
    try:
        return open_trail_key(where, settings.audit_name)
    except UnusableKmsKey as error:
        raise InvalidSetting(f"LEASEHOLD_AUDIT_KEY: {error}") from None


def _prune_for_ever(settings: Settings, store: SqlStore, clock: Callable[[], datetime], stop: Event) -> None:
    while not stop.is_set():
        try:
            prune_due(store, settings.audit_retention, clock())
        except Unavailable as error:  # what is due stays due
            _log.warning("the audit trail was not pruned: %s", error)
        except Exception as error:  # noqa: BLE001  the next look may succeed
            _log.error("the audit trail was not pruned: %s", type(error).__name__, exc_info=error)
        stop.wait(_PRUNE_SECONDS)


def _configuration(settings: Settings) -> dict[str, object]:
    """What may be told of the settings: no secret, and of secrets their names."""
    return {
        "issuer": settings.issuer,
        "database": settings.database_url.partition(_SECRETS_OF_URLS)[0],
        "keys": settings.keys.partition(":")[0],
        "host": settings.host,
        "port": settings.port,
        "policy_engine": settings.policy_engine,
        "dpop_nonces": settings.dpop_nonces,
        "dynamic_registration": settings.dynamic_registration,
        "public_clients": settings.public_clients,
        "open_registration": settings.open_registration,
        "private_receivers": sorted(settings.private_receivers),
        "private_upstreams": sorted(settings.private_upstreams),
        "browser_origins": sorted(settings.browser_origins),
        "stdio_programs": sorted(settings.stdio_programs),
        "stdio_isolation": settings.stdio_isolation,
        "secrets": sorted(settings.secrets),
        "gate_rules": settings.gate_rules_file is not None,
        "ext_authz_port": settings.ext_authz_port,
        "traces": settings.traces,
        "audit_anchors": list(settings.audit_anchors),
        "audit_exports": dict(sorted(settings.audit_exports.items())),
        "audit_retention_days": {kind: kept.days for kind, kept in sorted(settings.audit_retention.items())},
    }


def _receiver(name: str, url: str, settings: Settings) -> Receiver:
    try:
        return open_receiver(name, url, version("leasehold"), settings.secrets)
    except (ValueError, OSError) as error:
        raise InvalidSetting(f"LEASEHOLD_AUDIT_EXPORTS: {error}") from None


def _anchor(text: str) -> Anchor:
    scheme, _, rest = text.partition(":")
    if scheme == "file":
        return FileAnchor(Path(rest))
    if scheme == "git":
        return GitAnchor(Path(rest))
    try:
        return open_s3_anchor(text)
    except ValueError as error:
        raise InvalidSetting(f"LEASEHOLD_AUDIT_ANCHORS: {error}") from None
