"""Where public clients are sent back to: a program on the person's own computer, or an address that was declared.

RFC 8252 §7.3: such a program listens on loopback at whatever port it is given. Everything else of an address is
compared to the letter, and `localhost`, `127.0.0.1` and `[::1]` are three addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from leasehold.model.clients import check_redirect_uri
from leasehold.model.errors import InvalidValue

REDIRECTS_MAX = 20
_LENGTH = 512
# `localhost` is what MCP clients use, though RFC 8252 §8.3 would rather have the numbers.
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::(0|[1-9][0-9]{0,4}))?(/[!-~]*)?")
_ODD = frozenset('"<>\\^`{|}#')
_PORT_MAX = 65_535


def is_loopback(uri: str) -> bool:
    """True iff whoever listens at this address is a program on the computer of who comes there."""
    return _loopback(uri) is not None


def comes_back(uri: str, registered: Iterable[str]) -> bool:
    """True iff `uri` is one of these addresses, to the letter, or one of them on loopback but for its port."""
    known = frozenset(registered)
    wanted = _loopback(uri)
    return uri in known or (wanted is not None and any(_loopback(one) == wanted for one in known))


def public_redirects(uris: frozenset[str]) -> frozenset[str]:
    """Those of the addresses that codes of a public client may be sent to: https, or http on loopback.

    What else a client names, such as a scheme of its own, is left out (RFC 7591 §3.2.1): it is told what was taken.
    Raises `InvalidValue` for too many, and where none is left.
    """
    if len(uris) > REDIRECTS_MAX:
        raise InvalidValue(f"at most {REDIRECTS_MAX} redirect_uris")
    taken = frozenset(uri for uri in uris if is_loopback(uri) or _is_https(uri))
    if not taken:
        raise InvalidValue("none of redirect_uris is https, or http on 127.0.0.1, [::1] or localhost")
    return taken


def _is_https(uri: str) -> bool:
    try:
        check_redirect_uri(uri)
    except InvalidValue:
        return False
    return uri.startswith("https://") and len(uri) <= _LENGTH


def _loopback(uri: str) -> tuple[str, str] | None:
    """Host and path (with query) of an address on loopback: an empty path is `/` (RFC 3986 §6.2.3)."""
    found = _LOOPBACK.fullmatch(uri) if len(uri) <= _LENGTH else None
    if found is None or _ODD & set(uri) or int(found[2] or 1) not in range(1, _PORT_MAX + 1):
        return None
    return found[1], found[3] or "/"
