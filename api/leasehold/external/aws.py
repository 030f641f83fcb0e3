"""Sessions of an IAM role through STS, narrowed by a session policy and tagged with the lease.

A session cannot be taken back. What can be done is to deny it: an inline policy on the role that names this one session
(`aws:userid` ends with the session's name), issued before its own expiry (`aws:TokenIssueTime`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from leasehold.external.aws_asking import ONCE, code_of
from leasehold.external.federation import Mint, assertion
from leasehold.model.credentials import AwsMode, AwsSession
from leasehold.model.errors import Unavailable
from leasehold.model.external import ExternalCredential, Minted, MintRefused, Order, StillLive

STS_AUDIENCE = "sts.amazonaws.com"
_TAGS_CLAIM = "https://aws.amazon.com/tags"
_SOURCE_CLAIM = "https://aws.amazon.com/source_identity"
_ASSERTION_LIFE = timedelta(seconds=60)
_GONE = frozenset({"NoSuchEntity"})


@dataclass(frozen=True, slots=True)
class AwsSource:
    """`session` is this server's own AWS identity; it is asked for nothing where the role trusts our issuer."""

    session: boto3.Session
    issuer: str
    signer: Mint

    async def mint(self, order: Order) -> Minted:
        """The session. Raises `MintRefused` if STS said no."""
        target = _target(order.spec.aws)
        if target.mode is AwsMode.ASSUME_ROLE:
            return await asyncio.to_thread(self._assume, target, order)
        claims = assertion(self.issuer, order, STS_AUDIENCE, order.now + _ASSERTION_LIFE)
        tags = {key: [value] for key, value in _tags(target, order).items()}
        claims |= {_TAGS_CLAIM: {"principal_tags": tags}, _SOURCE_CLAIM: order.lease}
        return await asyncio.to_thread(self._with_token, target, order, await self.signer.sign(claims))

    def kill(self, credential: ExternalCredential, ends_with: str | None) -> None:  # noqa: ARG002  the port's words
        """Deny this one session on its role. Raises `StillLive`."""
        target = _target(credential.spec.aws)
        policy = denial(credential.reference, credential.live_until)  # whatever our clock says, it was issued before
        self._change_role(target, "put_role_policy", PolicyName=credential.reference, PolicyDocument=policy)

    def clear(self, credential: ExternalCredential) -> None:
        """Take the denial away, once there is nothing left to deny. Raises `StillLive`."""
        target = _target(credential.spec.aws)
        self._change_role(target, "delete_role_policy", PolicyName=credential.reference)

    def _assume(self, target: AwsSession, order: Order) -> Minted:
        tags = [{"Key": key, "Value": value} for key, value in sorted(_tags(target, order).items())]
        asked = {**_asked(target, order), "Tags": tags, "SourceIdentity": order.lease}
        return _call(self._client("sts", target).assume_role, asked)

    def _with_token(self, target: AwsSession, order: Order, token: str) -> Minted:
        client = self._client("sts", target)
        return _call(client.assume_role_with_web_identity, {**_asked(target, order), "WebIdentityToken": token})

    def _change_role(self, target: AwsSession, operation: str, **arguments: str) -> None:
        role = target.role_arn.rpartition("/")[2]
        try:
            getattr(self._client("iam", target), operation)(RoleName=role, **arguments)
        except ClientError as error:
            if code_of(error) not in _GONE or operation == "put_role_policy":
                raise StillLive(f"IAM did not do it: {code_of(error)}") from None
        except BotoCoreError as error:
            raise StillLive(f"IAM did not answer: {type(error).__name__}") from None

    def _client(self, service: str, target: AwsSession) -> Any:  # Any: boto3 makes clients at run time
        make: Any = self.session.client  # Any: its overloads name every service there is
        return make(service, region_name=target.region, endpoint_url=target.endpoint_url, config=ONCE)


def open_aws(issuer: str, signer: Mint) -> AwsSource:
    """AWS as whoever this server is there: its role, or the keys of its environment. Nothing is asked for yet."""
    return AwsSource(boto3.Session(), issuer, signer)


def denial(reference: str, until: datetime) -> str:
    """The policy that ends one session of a role, and nobody else's (IAM, global condition keys)."""
    statement = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {
            "StringLike": {"aws:userid": f"*:{reference}"},
            "DateLessThanEquals": {"aws:TokenIssueTime": until.strftime("%Y-%m-%dT%H:%M:%SZ")},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _asked(target: AwsSession, order: Order) -> dict[str, Any]:  # Any: arguments of every type
    asked = {
        "RoleArn": target.role_arn,
        "RoleSessionName": order.reference,
        "DurationSeconds": int(target.life(order.lease_ends - order.now).total_seconds()),
    }
    return asked if target.session_policy is None else {**asked, "Policy": target.session_policy}


def _tags(target: AwsSession, order: Order) -> Mapping[str, str]:
    ours = {
        "leasehold:agent": order.agent,
        "leasehold:lease": order.lease,
        "leasehold:profile": order.profile,
    }
    return {**target.tags, **ours, **({"leasehold:deployment": order.deployment} if order.deployment else {})}


def _call(operation: Any, asked: Mapping[str, Any]) -> Minted:  # Any: as above
    try:
        found = operation(**asked)["Credentials"]
    except ClientError as error:  # its message repeats the request
        raise MintRefused(f"STS refused the session: {code_of(error)}") from None
    except EndpointConnectionError:
        raise MintRefused("STS does not answer") from None
    except BotoCoreError as error:  # sent, perhaps done: or no identity of our own
        raise Unavailable(f"STS gave no session: {type(error).__name__}") from None
    secret = {key: str(found[key]) for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    return Minted(secret=secret, live_until=found["Expiration"].astimezone(UTC))


def _target(target: AwsSession | None) -> AwsSession:
    if target is None:
        raise MintRefused("the profile is not of AWS")
    return target
