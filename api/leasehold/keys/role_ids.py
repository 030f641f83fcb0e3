"""Which IAM role holds a name: AWS says so, for its web identity tokens name a role by its ARN alone.

No claim of such a token holds the role's unique id (IAM User Guide, outbound identity federation: token claims), and a
role that is deleted and made anew has the same ARN. So IAM is asked after the token is there: the role that holds the
name now, and has held it since before the token was issued, is the role that asked for it. Both times are AWS's own.
Whoever was made too late to be sure, and whoever is gone, has no unique id, and without one no binding matches.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from leasehold.model.subjects import ROLE_ID_CLAIM
from leasehold.model.tokens import Flaw, TokenRefused, VerifiedClaims
from leasehold.model.trust import TrustIssuer

# Sessions of a deleted role may go on for moments (IAM is eventually consistent), and would speak for its successor.
SETTLED = timedelta(seconds=60)
KEPT_SECONDS = 30.0
_ROLE = ":role/"
_AT_ONCE = 4  # of the threads that everybody shares
_READER_SECONDS = 3600
_READER_KEPT_SECONDS = 2700.0
_CONFIG = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1, "mode": "standard"})
_READING = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetRole","Resource":"*"}]}'  # and no more
)
Client = Any  # Any: boto3 makes its clients at run time


@dataclass(frozen=True, slots=True, kw_only=True)
class IamRole:
    """A role as IAM shows it. `unique_id` is given to no other, ever (IAM User Guide, unique identifiers)."""

    arn: str
    unique_id: str
    created_at: datetime


class RoleUnknown(Exception):
    """IAM did not say. The message names no secret."""


class Iam(Protocol):
    """Blocking. None if there is no role of that name; raises `RoleUnknown`."""

    def find(self, arn: str, reader: str | None) -> IamRole | None: ...


@dataclass(slots=True)
class _Asked:
    """The last question about one role: its turn, and what came of it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    turn: int = -1
    role: IamRole | None = None
    failed: bool = False


class RoleIds:
    """Puts the unique id of the role beside the claims of a verified token. `clock` is monotonic, in seconds.

    An answer counts for a token that was there before the question: a later one may be another role's. One question
    per role is under way at a time, and serves all that waited for it. It is remembered for the same token alone.
    """

    def __init__(self, iam: Iam, clock: Callable[[], float] = time.monotonic, kept: int = 4096) -> None:
        self._iam = iam
        self._kept = kept
        self._clock = clock
        self._turns = itertools.count()
        self._asked: dict[tuple[TrustIssuer, str], _Asked] = {}
        self._known: dict[tuple[TrustIssuer, str], tuple[float, str | None]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def attest(self, verified: VerifiedClaims, issuer: TrustIssuer) -> VerifiedClaims:
        """The claims, with the unique id under `ROLE_ID_CLAIM`; without, if it is not certain.

        Raises `TokenRefused` if IAM does not answer.
        """
        key = (issuer, verified.digest)
        until, unique_id = self._known.get(key, (float("-inf"), None))
        if self._clock() >= until:
            role = await self._role(verified.subject, issuer) if _ROLE in verified.subject else None
            unique_id = _id_at(role, verified.issued_at)
            if len(self._known) >= self._kept:
                self._known.clear()
            self._known[key] = (self._clock() + KEPT_SECONDS, unique_id)
        return with_role_id(verified, unique_id)

    async def _role(self, arn: str, issuer: TrustIssuer) -> IamRole | None:
        arrived = next(self._turns)
        if len(self._asked) >= self._kept:
            self._asked.clear()
        asked = self._asked.setdefault((issuer, arn), _Asked())
        async with asked.lock:
            if asked.turn < arrived:
                async with self._room:
                    asked.turn = next(self._turns)
                    await self._ask(asked, arn, issuer)
            if asked.failed:
                raise TokenRefused(Flaw.KEYS_UNAVAILABLE)
            return asked.role

    async def _ask(self, asked: _Asked, arn: str, issuer: TrustIssuer) -> None:
        asked.role, asked.failed = None, True  # also if the one who asks is cancelled
        try:
            asked.role = await asyncio.to_thread(self._iam.find, arn, issuer.reader_role_arn)
            asked.failed = False
        except RoleUnknown:
            pass


def with_role_id(verified: VerifiedClaims, unique_id: str | None) -> VerifiedClaims:
    """The claims with this unique id, whatever the token itself says of one."""
    claims = {name: value for name, value in verified.claims.items() if name != ROLE_ID_CLAIM}
    return replace(verified, claims=claims if unique_id is None else {**claims, ROLE_ID_CLAIM: unique_id})


def _id_at(role: IamRole | None, issued_at: datetime) -> str | None:
    return role.unique_id if role is not None and role.created_at + SETTLED <= issued_at else None


class IamRoles:
    """IAM by `iam:GetRole`: as this server's own AWS identity, or as a reader in the account of the roles."""

    def __init__(self, session: boto3.Session, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._clock = clock
        self._readers: dict[str | None, tuple[float, Client]] = {}
        self._making = Lock()

    def find(self, arn: str, reader: str | None) -> IamRole | None:
        """The role that holds the name in this ARN. Raises `RoleUnknown`."""
        try:
            with self._making:  # a session makes one client at a time
                client = self._client(reader)
            role = client.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        except ClientError as error:  # its message repeats the request
            code = error.response.get("Error", {}).get("Code")
            if code == "NoSuchEntity":
                return None
            raise RoleUnknown(f"IAM did not show the role: {code}") from None
        except BotoCoreError as error:
            raise RoleUnknown(f"IAM did not answer: {type(error).__name__}") from None
        if role["Arn"] != arn:  # a namesake, in another account or under another path
            return None
        return IamRole(arn=arn, unique_id=str(role["RoleId"]), created_at=role["CreateDate"].astimezone(UTC))

    def _client(self, reader: str | None) -> Client:
        until, client = self._readers.get(reader, (float("-inf"), None))
        if self._clock() < until:
            return client
        made = self._make("iam") if reader is None else self._as(reader)
        self._readers[reader] = (float("inf") if reader is None else self._clock() + _READER_KEPT_SECONDS, made)
        return made

    def _as(self, reader: str) -> Client:
        given = self._make("sts").assume_role(
            RoleArn=reader, RoleSessionName="leasehold", DurationSeconds=_READER_SECONDS, Policy=_READING
        )["Credentials"]
        return self._make(
            "iam",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    def _make(self, service: str, **keys: str) -> Client:
        make: Any = boto3.Session(region_name=self._session.region_name).client if keys else self._session.client
        return make(service, config=_CONFIG, **keys)


def open_iam() -> IamRoles:
    """IAM as whoever this server is there: its role, or the keys of its environment. Nothing is asked for yet."""
    return IamRoles(boto3.Session())
