"""What an answer rests on."""

from __future__ import annotations

from enum import StrEnum


class Proof(StrEnum):
    """How it was known that the token lives."""

    FEED = "feed"
    INTROSPECTION = "introspection"
    STATUS_LIST = "status_list"
    NONE = "none"
