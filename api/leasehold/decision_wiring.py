"""Wiring of the decision point: what follows the registry, what records, and the doors to it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from leasehold.authn.ports import ProofVerifier
from leasehold.decisions.answering import Answering
from leasehold.decisions.checking import PublishablePolicies
from leasehold.decisions.current import Current
from leasehold.decisions.metadata import METADATA_TYPE
from leasehold.decisions.recording import Recorder
from leasehold.decisions.recounting import Recollection
from leasehold.exchange_wiring import Known
from leasehold.keys.content_cipher import ContentCipher
from leasehold.keys.sealing import FileSealer
from leasehold.keys.signing import Signer, TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.checking import CedarDocuments
from leasehold.settings import InvalidSetting, Settings
from leasehold.store.sql_store import SqlStore
from leasehold.trail.contents import Contents
from leasehold.web.access.app import AccessDoors, access_app
from leasehold.web.access.callers import Callers
from leasehold.web.access.metadata import Metadata
from leasehold.web.access.search import Searches
from leasehold.web.asgi import Application
from leasehold.web.doors import DecisionDoors

_log = logging.getLogger(__name__)


class Closable(Protocol):
    """What is closed before the decision point is."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """The decision point, following the registry for as long as the process lives."""

    current: Current
    recorder: Recorder
    answering: Answering
    policies: PublishablePolicies
    access: Application
    doors: DecisionDoors
    recollection: Recollection

    def close(self) -> None:
        """Decide nothing more; write what waits."""
        self.current.close()
        self.recorder.close()


def decision_point(
    settings: Settings, store: SqlStore, signer: Signer, known: Known, clock: Callable[[], datetime]
) -> DecisionPoint:
    """The decision point of a registry."""
    current = Current(store, engine_named(settings.policy_engine, _disagreed), clock)
    vault = Contents(store, ContentCipher(FileSealer(settings.sealing_key)), clock)
    recorder = Recorder(store, vault)
    answering = Answering(current, recorder, clock)
    admitted = Callers(known.callers, known.possessions, clock)
    store.listen(admitted.forget)
    current.start()
    access = AccessDoors(
        issuer=settings.issuer,
        callers=admitted,
        answering=answering,
        searches=Searches(current, clock),
        metadata=Metadata(settings.issuer, TokenMint(signer, METADATA_TYPE), clock, settings.access_requests),
        clock=clock,
        requests=settings.access_requests,
    )
    return DecisionPoint(
        current=current,
        recorder=recorder,
        answering=answering,
        policies=PublishablePolicies(CedarDocuments(), current),
        access=access_app(access),
        doors=DecisionDoors(current=current, store=store, vault=vault, reader=CedarDocuments()),
        recollection=Recollection(store, vault),
    )


def ext_authz(
    settings: Settings,
    store: SqlStore,
    signer: Signer,
    decisions: DecisionPoint,
    proofs: ProofVerifier,
    clock: Callable[[], datetime],
) -> Closable | None:
    """Envoy's door, listening, if one is asked for. Raises `InvalidSetting` without its libraries, `OSError`."""
    if settings.ext_authz_port is None:
        return None
    try:
        from leasehold.envoy.authorizing import Authorizing  # noqa: PLC0415  an extra, and 100 ms of imports
        from leasehold.envoy.callers import Callers as EnvoyCallers  # noqa: PLC0415
        from leasehold.envoy.server import ExtAuthz  # noqa: PLC0415
    except ImportError:
        raise InvalidSetting("LEASEHOLD_EXT_AUTHZ_PORT needs the extra: pip install leasehold[envoy]") from None
    callers = EnvoyCallers(issuer=settings.issuer, tokens=OwnTokens(signer), leases=store, proofs=proofs, used=store)
    authorizing = Authorizing(callers=callers, current=decisions.current, answering=decisions.answering, clock=clock)
    door = ExtAuthz(authorizing, f"{settings.host}:{settings.ext_authz_port}")
    door.start()
    return door


def _disagreed(ids: tuple[str, ...]) -> None:
    _log.critical("two engines disagree, and the answer was no: %s", ", ".join(ids))
