"""`serve`: from the environment Terraform sets to the end of the process."""

from __future__ import annotations

import os
import sys

from .plugin.environment import NotAPlugin, read_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from .provider import Provider


# A call goes from the reading thread to a worker and back. At the interpreter's default of 5 ms a thread that computes
# makes the others wait that long for their turn, at every step of every call.
_SWITCH_SECONDS = 0.0003


def serve(make_provider: Callable[[], Provider], address: str = "") -> NoReturn:
    """Serve one run of Terraform and end the process.

    `make_provider` is called after the handshake line is out, so import the provider's modules inside it.
    With `--debug` on the command line, and an `address` such as `registry.terraform.io/sample/sample`, it serves in the
    clear on a private socket until interrupted and prints the TF_REATTACH_PROVIDERS that points Terraform at it.
    Otherwise run by hand, without Terraform's environment, it says so on stderr and ends with status 1.
    """
    from .plugin.process import run_debug, run_plugin  # noqa: PLC0415 -- not needed to say that we are no program

    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        if address and "--debug" in sys.argv[1:]:
            run_debug(make_provider, address)
        run_plugin(read_environment(os.environ, sys.platform), make_provider)
    except NotAPlugin as finding:
        sys.stderr.write(f"{finding}\n")
        raise SystemExit(1) from None
