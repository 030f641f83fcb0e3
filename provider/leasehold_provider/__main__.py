"""The executable that Terraform starts."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .protocol import Provider


def main() -> NoReturn:
    """Serve one walk of Terraform."""
    from .protocol import serve  # noqa: PLC0415

    serve(_make_provider, "registry.terraform.io/leasehold/leasehold")


def _make_provider() -> Provider:
    """Import everything else after the handshake is out."""
    from .provider import LeaseholdProvider  # noqa: PLC0415

    return LeaseholdProvider()


if __name__ == "__main__":
    main()
