"""`serve`: from the environment Terraform sets to the end of the process."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from .provider import Provider


def serve(make_provider: Callable[[], Provider]) -> NoReturn:
    """Serve one run of Terraform and end the process.

    `make_provider` is called after the handshake line is out, so import the provider's modules inside it.
    Run by hand (without Terraform's environment) it says so on stderr and ends with status 1.
    """
    raise NotImplementedError
