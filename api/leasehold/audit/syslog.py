"""Events over syslog: RFC 5424 messages, octet-counted, through TLS (RFC 5425). Never in the clear.

TLS says that bytes arrived, syslog never that they were kept: a batch counts as taken once the receiver has let us end
the connection cleanly behind it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from leasehold.model.events import Outcome
from leasehold.model.trail.records import instant
from leasehold.model.trail.telling import NotTaken, Told

_FACILITY = 13  # log audit, RFC 5424 §6.2.1
_SEVERITY = {Outcome.OK: 6, Outcome.DENIED: 5, Outcome.ERROR: 4}
_SECONDS = 10.0
_BOM = b"\xef\xbb\xbf"
Format = Callable[[Told], str]


def syslog_message(told: Told, text: str) -> bytes:
    """One message (RFC 5424 §6). What chains it to the one before is structured, whatever the text is."""
    event = told.record.event
    priority = _FACILITY * 8 + _SEVERITY[event.outcome]
    host = told.origin.partition("/")[0]
    name = _printusascii(host)
    chained = f'[trail@32473 position="{told.position}" previous="{told.previous.hex()}" leaf="{told.seal.leaf.hex()}"]'
    kind = _printusascii(event.kind)[:32]
    head = f"<{priority}>1 {instant(event.at)} {name[:255]} leasehold - {kind} {chained} "
    return head.encode("ascii") + _BOM + text.encode()


class SyslogReceiver:
    """A syslog server behind TLS."""

    def __init__(self, name: str, host: str, port: int, form: Format, authority: Path | None = None) -> None:
        self.name = name
        self._host, self._port, self._form = host, port, form
        self._context = ssl.create_default_context(cafile=authority)

    def take(self, told: Sequence[Told]) -> None:
        """Send a batch over a connection of its own. Raises `NotTaken`."""
        frames = []
        for one in told:
            message = syslog_message(one, self._form(one))
            frames.append(b"%d %b" % (len(message), message))  # RFC 5425 §4.3
        try:
            with (
                socket.create_connection((self._host, self._port), timeout=_SECONDS) as plain,
                self._context.wrap_socket(plain, server_hostname=self._host) as secure,
            ):
                secure.sendall(b"".join(frames))
                _end(secure)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise NotTaken(f"syslog: {type(error).__name__}") from None


def _end(secure: ssl.SSLSocket) -> None:
    """Say that this is all, and wait until the other side says so too, or closes: it has read what was sent then."""
    try:
        secure.unwrap()
    except ssl.SSLEOFError:
        return
    except OSError as error:  # CPython's words for an end without a goodbye; a reset has a number
        if error.errno:
            raise


def _printusascii(text: str) -> str:
    """RFC 5424 §6: visible ASCII, and a hyphen for nothing."""
    return "".join(c if "!" <= c <= "~" else "-" for c in text) or "-"
