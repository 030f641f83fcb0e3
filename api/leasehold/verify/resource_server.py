"""Everything joined for a resource server: keys, feed, introspection and the verifier, on one issuer."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from leasehold.verify.access import TokenReader
from leasehold.verify.credential import WorkloadCredential
from leasehold.verify.follower import Follower
from leasehold.verify.issuer import Bearer, Introspection, IssuerKeys, check_url, http_client
from leasehold.verify.known import Known
from leasehold.verify.statements import StatementReader
from leasehold.verify.verifier import Patience, Verifier


class ResourceServer:
    """A verifier that follows the feed for as long as the context is entered.

    `audience` is this server's URL as the registry has it. `credential` is either the file that holds the workload's
    own OIDC token, or a callable that gives a registry token. `endpoint`: where the issuer is reached, if not at its
    name.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        credential: Path | Bearer,
        endpoint: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Open nothing yet. Raises `ValueError` for an issuer that is neither https nor on loopback."""
        where = check_url(endpoint or issuer)
        self._client = http_client()
        bearer = (
            WorkloadCredential(issuer, credential, self._client, endpoint=where)
            if isinstance(credential, Path)
            else credential
        )
        keys, known = IssuerKeys(where, self._client), Known()
        self.verifier = Verifier(
            tokens=TokenReader(issuer, audience, keys),
            known=known,
            introspection=Introspection(where, self._client, bearer),
            patience=patience or Patience(),
        )
        self.follower = Follower(endpoint=where, known=known, statements=StatementReader(issuer, keys), bearer=bearer)

    def __enter__(self) -> Self:
        self.follower.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.follower.close()
        self._client.close()
