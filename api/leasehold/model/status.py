"""Places in status lists (draft-ietf-oauth-status-list-20): where third parties read whether a token still lives.

One bit a token, at a place that says nothing of when the token was issued, or which came before it (§12.4 there).
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

STATUS_LIST_TYPE = "statuslist+jwt"
STATUS_LIST_SIZE = 1 << 17
_ID = re.compile(r"[0-9a-f]{16}")
_BITS_PER_BYTE = 8


@dataclass(frozen=True, slots=True)
class StatusPlace:
    """One entry of one list; `list` is 16 hexadecimal digits drawn by lot."""

    list: str
    index: int


def is_status_list_id(text: str) -> bool:
    """True iff a list could have this id."""
    return _ID.fullmatch(text) is not None


def status_list_uri(issuer: str, list_id: str) -> str:
    """Where a list is read; the `uri` of its tokens, and its own `sub`, to the letter (§8.3)."""
    return f"{issuer}/status-lists/{list_id}"


def status_claim(issuer: str, place: StatusPlace) -> dict[str, object]:
    """The `status` claim of a token (§6.1)."""
    return {"status_list": {"idx": place.index, "uri": status_list_uri(issuer, place.list)}}


def packed_list(invalid: Iterable[int]) -> dict[str, object]:
    """A list of one bit per token, the first in the least significant bit (§4.1), compressed and encoded (§4.2)."""
    raw = bytearray(STATUS_LIST_SIZE // _BITS_PER_BYTE)
    for index in invalid:
        raw[index // _BITS_PER_BYTE] |= 1 << index % _BITS_PER_BYTE
    encoded = base64.urlsafe_b64encode(zlib.compress(bytes(raw), 9)).rstrip(b"=")
    return {"bits": 1, "lst": encoded.decode()}
