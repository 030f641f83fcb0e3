"""Checkpoints kept in S3 under Object Lock, in COMPLIANCE mode: nobody shortens that, not the account's root either."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from leasehold.model.trail.checkpoints import Checkpoint, NotAnchored

_DAYS = 400
_LONGEST_DAYS = 36_500


class S3Anchor:
    """Puts each note under its size, locked for so many days. The bucket must have Object Lock."""

    def __init__(self, client: Any, bucket: str, prefix: str, keep_for: timedelta) -> None:  # Any: boto3 makes it
        self._client, self._bucket, self._prefix, self._keep_for = client, bucket, prefix, keep_for
        self.name = f"s3://{bucket}/{prefix}"

    def keep(self, checkpoint: Checkpoint, origin: str) -> None:  # noqa: ARG002  the note says it
        """Put a note. Raises `NotAnchored`."""
        key = f"{self._prefix}{checkpoint.size:020d}.checkpoint"
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=checkpoint.note.encode(),
                ContentType="text/plain; charset=utf-8",
                ChecksumAlgorithm="SHA256",  # S3 takes no locked object without one
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=checkpoint.at + self._keep_for,
            )
        except ClientError as error:
            raise NotAnchored(f"S3 refused: {error.response.get('Error', {}).get('Code', 'unknown')}") from None
        except BotoCoreError as error:
            raise NotAnchored(f"S3 does not answer: {type(error).__name__}") from None


def open_s3_anchor(url: str) -> S3Anchor:
    """The anchor at `s3://bucket/prefix?days=400`, in the account of the environment. Raises `ValueError`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    days = options.pop("days", str(_DAYS))
    if not parts.netloc or options or not days.isdecimal() or not 0 < int(days) <= _LONGEST_DAYS:
        raise ValueError("an S3 anchor reads s3://<bucket>/<prefix>?days=<days>")
    return S3Anchor(boto3.client("s3"), parts.netloc, parts.path.lstrip("/"), timedelta(days=int(days)))
