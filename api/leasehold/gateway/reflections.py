"""Our own credential in a tool server's answer: servers echo headers and quote keys in errors. No agent is shown one.

This is for servers that say too much. One that means to give a credential away can write it in a way that nobody finds.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable

MARK = b"[redacted:credential]"
FOUND = "secret:own_credential:redact"
_SHORTEST = 8  # shorter ones stand in texts by chance
_PUBLIC = frozenset({"x-amz-date", "x-amz-content-sha256"})


def secrets_of(headers: Iterable[tuple[str, str]]) -> tuple[bytes, ...]:
    """What of these headers nobody may be shown, longest first, as it may stand in JSON."""
    found: set[str] = set()
    for name, value in headers:
        if name.lower() not in _PUBLIC:
            found |= {value, *_parts(value)}
    return tuple(
        sorted({form for one in found if len(one) >= _SHORTEST for form in _forms(one)}, key=len, reverse=True)
    )


def without(content: bytes, secrets: tuple[bytes, ...]) -> tuple[bytes, int]:
    """The content without them, and how many places that were."""
    places = 0
    for one in secrets:
        if one in content:
            places += content.count(one)
            content = content.replace(one, MARK)
    return content, places


def _parts(value: str) -> Iterable[str]:
    """The credential behind its scheme, and the password within one of RFC 7617."""
    scheme, _, rest = value.partition(" ")
    yield rest
    if scheme.lower() == "basic":
        try:
            yield base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return


def _forms(text: str) -> Iterable[bytes]:
    """As it is, and as those write it who escape more or less of it."""
    yield text.encode()
    if "/" in text:
        yield text.replace("/", "\\/").encode()
    if not text.isascii() or '"' in text or "\\" in text:
        yield json.dumps(text)[1:-1].encode()
        yield json.dumps(text, ensure_ascii=False)[1:-1].encode()
