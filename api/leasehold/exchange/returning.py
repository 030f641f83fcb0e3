"""Back to the application that asked, by way of the browser (RFC 6749 §4.1.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes next; `browser` is the secret that its cookie keeps from now on."""

    url: str
    browser: str | None = field(default=None, repr=False)


def sent_back(issuer: str, redirect_uri: str, state: str | None, **answer: str) -> Redirect:
    """To an address that was found to be the client's, with `iss` so that it can tell us from others (RFC 9207)."""
    told = {**answer, **({"state": state} if state is not None else {}), "iss": issuer}
    joint = "&" if "?" in redirect_uri else "?"
    return Redirect(f"{redirect_uri}{joint}{urlencode(told)}")
