"""Who changed an IAM role, and how: CloudTrail's event history, read with this server's own AWS identity.

Needed there: `cloudtrail:LookupEvents`. IAM writes its events in one region of each partition; the history holds 90
days, and shows an event some minutes after it. What was tried and refused (`errorCode`) changed nothing, and names
nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from threading import Lock
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from leasehold.external.aws_asking import ONCE, code_of
from leasehold.model.credentials import AwsSession, CredentialProfile
from leasehold.model.outside import CannotLook, Culprit, Footprint, Moved

_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_PAGE, _PAGES, _POLICIES = 50, 2, 3  # AWS answers two look-ups a second
_BY_HAND = {
    "console.amazonaws.com": "AWS console",
    "AWS Internal": "AWS console",
    "signin.amazonaws.com": "AWS console",
}
_TEXT = 120
Json = Any  # Any: AWS's JSON


@dataclass(frozen=True, slots=True)
class CloudTrail:
    """`session` is this server's own AWS identity."""

    session: boto3.Session
    making: Lock = field(default_factory=Lock)

    def trace(self, profile: CredentialProfile, footprint: Footprint) -> Culprit:
        """Who made the newest of the changes. Raises `CannotLook`."""
        target = profile.aws
        if target is None:
            raise CannotLook("the profile is not of AWS")
        try:
            found = [one for name in _names(target, footprint) for one in self._events(target, name, footprint)]
        except ClientError as error:  # its message repeats the request
            raise CannotLook(f"CloudTrail showed no events: {code_of(error)}") from None
        except BotoCoreError as error:
            raise CannotLook(f"CloudTrail did not answer: {type(error).__name__}") from None
        role = target.role_arn.rpartition("/")[2]
        culprits = (_culprit(one) for one in found if any(_made(one, role, moved) for moved in footprint.moved))
        newest = max(culprits, key=lambda one: one.at, default=None)
        if newest is None:
            raise CannotLook("CloudTrail holds no event of this change: it is older than 90 days, or minutes young")
        return newest

    def _events(self, target: AwsSession, name: str, footprint: Footprint) -> Iterator[Mapping[str, Json]]:
        """What succeeded, newest first."""
        client, asked = self._client(target), {"AttributeKey": "ResourceName", "AttributeValue": name}
        pages = client.get_paginator("lookup_events").paginate(
            LookupAttributes=[asked],
            StartTime=footprint.since.replace(microsecond=0),
            EndTime=footprint.now,
            PaginationConfig={"PageSize": _PAGE, "MaxItems": _PAGE * _PAGES},
        )
        for page in pages:
            for one in page.get("Events", ()):
                event = json.loads(one["CloudTrailEvent"])
                if isinstance(event, dict) and "errorCode" not in event:
                    yield {**event, "at": one["EventTime"].astimezone(UTC)}

    def _client(self, target: AwsSession) -> Json:
        region = _REGIONS.get(target.role_arn.split(":")[1], target.region)
        with self.making:  # a session makes one client at a time
            make: Json = self.session.client
            return make("cloudtrail", region_name=region, endpoint_url=target.endpoint_url, config=ONCE)


def _names(target: AwsSession, footprint: Footprint) -> Iterator[str]:
    """What the history is searched by: the role, and policies of the organisation that say something else."""
    yield target.role_arn.rpartition("/")[2]
    rewritten = [one.name for one in footprint.moved if one.what == "attached_policies" and not (one.came or one.went)]
    yield from sorted(rewritten)[:_POLICIES]


def _made(event: Mapping[str, Json], role: str, moved: Moved) -> bool:
    """True if this very event may have moved this fact."""
    name, asked = event.get("eventName"), event.get("requestParameters") or {}
    if event.get("eventSource") != "iam.amazonaws.com":
        return False
    if moved.what == "attached_policies" and not (moved.came or moved.went):
        rewrote = name == "SetDefaultPolicyVersion" or (name == "CreatePolicyVersion" and asked.get("setAsDefault"))
        return bool(rewrote) and asked.get("policyArn") == moved.name
    return asked.get("roleName") == role and name in _events_of(moved) and _is_of(asked, moved)


def _events_of(moved: Moved) -> frozenset[str]:
    match moved.what:
        case "trust_policy":
            return frozenset({"UpdateAssumeRolePolicy", "CreateRole"})
        case "max_session_duration":
            return frozenset({"UpdateRole", "CreateRole"})
        case "permissions_boundary":
            return frozenset({"PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "CreateRole"})
        case "attached_policies":
            return frozenset({"DetachRolePolicy" if moved.went else "AttachRolePolicy"})
        case "inline_policies":
            return frozenset({"DeleteRolePolicy" if moved.went else "PutRolePolicy"})
        case _:
            return frozenset()


def _is_of(asked: Mapping[str, Json], moved: Moved) -> bool:
    named = {"attached_policies": "policyArn", "inline_policies": "policyName"}.get(moved.what)
    return named is None or asked.get(named) == moved.name


def _culprit(event: Mapping[str, Json]) -> Culprit:
    who = event.get("userIdentity") or {}
    actor = who.get("arn") or who.get("invokedBy") or who.get("principalId") or who.get("type") or "nobody it names"
    agent = str(event.get("userAgent") or "")
    through = _BY_HAND.get(agent, agent[:_TEXT])
    source = str(event.get("sourceIPAddress") or "")[:_TEXT]
    return Culprit(
        actor=str(actor)[: 4 * _TEXT],
        at=event["at"],
        operation=str(event["eventName"])[:_TEXT],
        via=" from ".join(one for one in (through, source) if one) or "AWS",
        record=f"CloudTrail {str(event.get('eventID') or '')[:_TEXT]}".rstrip(),
    )
