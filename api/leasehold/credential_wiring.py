"""Wiring of credentials of other systems: where they come from, who hands them out, and the worker that ends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Event, Thread

from leasehold.credentials.calls import CallCredentials
from leasehold.credentials.ending import Endings
from leasehold.credentials.issuing import CredentialDesk
from leasehold.credentials.ports import Source
from leasehold.external.aws import open_aws
from leasehold.external.aws_roles import AwsRoles, boto_session
from leasehold.external.cloudtrail import CloudTrail
from leasehold.external.federation import TOKEN_TYPE, FederationSource
from leasehold.external.github import GitHubSource
from leasehold.external.github_audit import GitHubAudit
from leasehold.external.github_installations import GitHubInstallations
from leasehold.external.observing import Observer
from leasehold.external.postgresql import PostgresqlSource
from leasehold.external.secrets import Secrets
from leasehold.keys.app_assertions import app_assertion
from leasehold.keys.sealing import FileSealer
from leasehold.keys.signing import Signer, TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.model.credentials import AwsSession, Federation, GitHubInstallation, PostgresqlLogin, Target
from leasehold.settings import Settings
from leasehold.store.sql_store import SqlStore
from leasehold.web.doors import CredentialDoors


def credential_doors(
    settings: Settings, store: SqlStore, signer: Signer, clock: Callable[[], datetime]
) -> tuple[CredentialDoors, CallCredentials, Callable[[], None]]:
    """The desk, with its worker at work; the same for calls of a gateway; and what ends that."""
    sources = _sources(settings, TokenMint(signer, TOKEN_TYPE))
    sealer = FileSealer(settings.sealing_key)
    endings = Endings(store=store, sources=sources, sealer=sealer, clock=clock)
    store.listen(endings.wake)
    stop = Event()
    worker = Thread(target=endings.run, args=(stop,), name="leasehold-endings", daemon=True)
    worker.start()

    def close() -> None:
        stop.set()
        endings.wake()
        worker.join()
        endings.close()

    desk = CredentialDesk(
        issuer=settings.issuer,
        audience=settings.credentials_audience,
        verifier=OwnTokens(signer),
        store=store,
        sources=sources,
        sealer=sealer,
        clock=clock,
        ended=endings.wake,
    )
    return CredentialDoors(desk=desk, store=store), CallCredentials(desk, store), close


def open_observer(settings: Settings) -> Observer:
    """Sees what profiles point to, with the same identities that draw credentials there."""
    secret = Secrets(settings.secrets, settings.secrets_dir).find
    roles, installations = AwsRoles(boto_session()), GitHubInstallations(secret, app_assertion)
    return Observer(
        {AwsSession: roles.look, GitHubInstallation: installations.look},
        tracers={
            AwsSession: CloudTrail(boto_session()).trace,
            GitHubInstallation: GitHubAudit(secret, app_assertion).trace,
        },
    )


def _sources(settings: Settings, mint: TokenMint) -> Mapping[type[Target], Source]:
    secret = Secrets(settings.secrets, settings.secrets_dir).find
    return {
        AwsSession: open_aws(settings.issuer, mint),
        PostgresqlLogin: PostgresqlSource(secret),
        GitHubInstallation: GitHubSource(secret, app_assertion),
        Federation: FederationSource(settings.issuer, mint),
    }
