"""An IAM role as it is: who may take it, what it can do, for how long. Read with this server's own AWS identity.

Needed there: `iam:GetRole`, `iam:ListRolePolicies`, `iam:GetRolePolicy`, `iam:ListAttachedRolePolicies`,
`iam:GetPolicy` and `iam:GetPolicyVersion`, on the roles of the profiles. Policies that AWS itself manages are recorded
by name: what it writes into them changes every week, and is not the organisation's doing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from leasehold.external.aws_asking import ONCE, code_of
from leasehold.model.credentials import AwsSession, CredentialProfile
from leasehold.model.outside import CannotLook, Facts

_BY_AWS = ":iam::aws:policy/"
_OURS = re.compile(r".{1,64}\.[0-9a-f]{32}")  # an agent and a credential: what `aws.py` calls the denial of a session
_ALONE = frozenset({"Version", "Id", "Sid", "Effect"})  # members of a policy that never are lists
Json = Any  # Any: IAM's JSON


@dataclass(frozen=True, slots=True)
class AwsRoles:
    """`session` is this server's own AWS identity."""

    session: boto3.Session
    making: Lock = field(default_factory=Lock)

    def look(self, profile: CredentialProfile, _now: datetime) -> Facts:
        """The facts of the role. Raises `CannotLook`."""
        target = profile.aws
        if target is None:
            raise CannotLook("the profile is not of AWS")
        try:
            return self._facts(target)
        except ClientError as error:  # its message repeats the request
            raise CannotLook(f"IAM did not show the role: {code_of(error)}") from None
        except BotoCoreError as error:
            raise CannotLook(f"IAM did not answer: {type(error).__name__}") from None

    def _facts(self, target: AwsSession) -> Facts:
        name = target.role_arn.rpartition("/")[2]
        client = self._client(target)
        role = client.get_role(RoleName=name)["Role"]
        if role["Arn"] != target.role_arn:  # a namesake: IAM only shows roles of our own account
            raise CannotLook("IAM shows another role of that name: the profile's is of another account or path")
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return {
            "trust_policy": canonical(role["AssumeRolePolicyDocument"]),
            "max_session_duration": int(role["MaxSessionDuration"]),
            "permissions_boundary": boundary,
            **dict(_attached(client, name)),
            **dict(_inline(client, name)),
        }

    def _client(self, target: AwsSession) -> Json:
        with self.making:  # a session makes one client at a time
            make: Json = self.session.client
            return make("iam", region_name=target.region, endpoint_url=target.endpoint_url, config=ONCE)


def boto_session() -> boto3.Session:
    """AWS as whoever this server is there. Nothing is asked for yet."""
    return boto3.Session()


def canonical(policy: Json) -> Json:
    """A policy in one notation: order, and one value for a list of one, mean nothing to IAM."""
    document = json.loads(policy) if isinstance(policy, str) else policy
    return _canonical(document, "")


def _canonical(value: Json, member: str) -> Json:
    if isinstance(value, Mapping):
        found = {str(key): _canonical(one, str(key)) for key, one in value.items()}
        return [found] if member == "Statement" else found
    if isinstance(value, list):
        return sorted((_canonical(one, "") for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    text = value if isinstance(value, str) else str(value).lower()  # `true` and `3600` are texts to IAM
    return text if member in _ALONE or not member else [text]


def _attached(client: Json, role: str) -> Iterator[tuple[str, Json]]:
    for page in client.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for one in page["AttachedPolicies"]:
            arn = one["PolicyArn"]
            yield f"attached_policies.{arn}", "by AWS" if _BY_AWS in arn else _managed(client, arn)


def _managed(client: Json, arn: str) -> Json:
    version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found = client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
    return canonical(found["Document"])


def _inline(client: Json, role: str) -> Iterator[tuple[str, Json]]:
    for page in client.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            document = canonical(client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
            if not _is_denial(name, document):
                yield f"inline_policies.{name}", document


def _is_denial(name: str, document: Json) -> bool:
    """True for what we put there to end one session: under such a name, and it can only deny."""
    effects = {one.get("Effect") for one in document.get("Statement", ())}
    return _OURS.fullmatch(name) is not None and effects == {"Deny"}
