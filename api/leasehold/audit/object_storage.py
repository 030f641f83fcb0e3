"""Events in S3: a batch is an object of NDJSON, named by its places; telling it again writes the same object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from leasehold.model.trail.telling import NotTaken, Told


class S3Receiver:
    """A bucket."""

    def __init__(self, name: str, client: Any, bucket: str, prefix: str, form: Callable[[Told], str]) -> None:
        self.name = name
        self._client, self._bucket, self._prefix, self._form = client, bucket, prefix, form

    def take(self, told: Sequence[Told]) -> None:
        """Put a batch. Raises `NotTaken`."""
        body = "".join(f"{self._form(one)}\n" for one in told).encode()
        key = f"{self._prefix}{told[0].position:020d}-{told[-1].position:020d}.ndjson"
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/x-ndjson")
        except ClientError as error:
            raise NotTaken(f"S3 refused: {error.response.get('Error', {}).get('Code', 'unknown')}") from None
        except BotoCoreError as error:
            raise NotTaken(f"S3 does not answer: {type(error).__name__}") from None
